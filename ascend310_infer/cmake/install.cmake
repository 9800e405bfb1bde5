# SPDX-License-Identifier: Apache-2.0
#
# cmake --install: header, libraries, programs, and what find_package(adabin) and pkg-config read.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(ADABIN_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/adabin)
install(FILES inc/adabin.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS adabin EXPORT adabin_targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(ADABIN_SHARED)
  install(TARGETS adabin_shared EXPORT adabin_targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(EXPORT adabin_targets FILE adabinTargets.cmake NAMESPACE adabin::
        DESTINATION ${ADABIN_PACKAGE_DIR})

configure_package_config_file(cmake/adabinConfig.cmake.in adabinConfig.cmake
                              INSTALL_DESTINATION ${ADABIN_PACKAGE_DIR})
write_basic_package_version_file(adabinConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/adabinConfig.cmake
        ${CMAKE_CURRENT_BINARY_DIR}/adabinConfigVersion.cmake DESTINATION ${ADABIN_PACKAGE_DIR})

# Relative to the file itself: an installed tree may be moved.
file(RELATIVE_PATH ADABIN_PREFIX_FROM_PC "/p/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/p")
configure_file(cmake/adabin.pc.in adabin.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/adabin.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
