# SPDX-License-Identifier: Apache-2.0
#
# libadabin.a and libadabin.so, of the same object files.

# For this project's own programs and tests, which may see more than a user does.
add_library(adabin STATIC $<TARGET_OBJECTS:adabin_objects>)
target_include_directories(adabin PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/inc>
                           $<INSTALL_INTERFACE:include>)
target_link_libraries(adabin PRIVATE Threads::Threads)
set_target_properties(adabin PROPERTIES EXPORT_NAME static)
# A user's project may be in C alone: its linker knows nothing of C++.
target_link_libraries(adabin INTERFACE $<INSTALL_INTERFACE:stdc++> $<INSTALL_INTERFACE:m>)
if(ADABIN_STATIC_PROGRAMS)
  target_link_options(adabin INTERFACE $<BUILD_INTERFACE:-static>)
endif()

if(ADABIN_SHARED)
  add_library(adabin_shared SHARED $<TARGET_OBJECTS:adabin_objects>)
  target_include_directories(adabin_shared INTERFACE
                             $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/inc>
                             $<INSTALL_INTERFACE:include>)
  target_link_libraries(adabin_shared PRIVATE Threads::Threads)
  # Before 1.0 a minor version may change what is there: it is part of the soname.
  set_target_properties(adabin_shared PROPERTIES OUTPUT_NAME adabin EXPORT_NAME adabin
                        VERSION ${PROJECT_VERSION}
                        SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  # Inline functions of the standard library would be seen otherwise.
  set(ADABIN_SYMBOLS "${CMAKE_CURRENT_SOURCE_DIR}/cmake/symbols.map")
  target_link_options(adabin_shared PRIVATE "-Wl,--version-script=${ADABIN_SYMBOLS}")
  set_target_properties(adabin_shared PROPERTIES LINK_DEPENDS "${ADABIN_SYMBOLS}")
  if(NOT ADABIN_SANITIZE AND NOT ADABIN_TSAN)
    target_link_options(adabin_shared PRIVATE -Wl,-z,defs)
  endif()
endif()
