# SPDX-License-Identifier: Apache-2.0
#
# Cross-compiles for 64-bit ARM on a Debian or Ubuntu host; tests and programs run under qemu-user. `bash build.sh
# --aarch64` uses it and makes the folder of libraries that it needs (cmake/aarch64_sysroot.sh).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

set(ADABIN_SYSROOT "" CACHE PATH "Folder that cmake/aarch64_sysroot.sh has filled")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ADABIN_SYSROOT)
set(CMAKE_FIND_ROOT_PATH "${ADABIN_SYSROOT}")
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
# Libraries and headers are ARM's alone.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# Static programs need no ARM system around them: qemu-user runs them as they are, and so does any device. What is linked
# with the shared library, as the tests of the C API are, finds the compiler's ARM libraries with -L.
set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
set(ADABIN_STATIC_PROGRAMS ON)
find_program(ADABIN_QEMU NAMES qemu-aarch64 qemu-aarch64-static)
if(ADABIN_QEMU)
  set(CMAKE_CROSSCOMPILING_EMULATOR "${ADABIN_QEMU}" -L /usr/aarch64-linux-gnu)
endif()
