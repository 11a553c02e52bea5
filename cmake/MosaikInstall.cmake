# What `cmake --install --component development` puts down: the libraries, include/mosaik, a CMake package and a pkg-config
# file for each library. The package's component `control` is mosaik::control, which needs Boost.
# A static library cannot carry its own dependencies, so both packages name them; a shared one needs none of it.
include(CMakePackageConfigHelpers)
set(mosaik_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/mosaik)

get_property(libraries GLOBAL PROPERTY MOSAIK_LIBRARY_DEPENDENCIES)
set(MOSAIK_FIND_DEPENDENCIES "")   # lines of mosaikConfig.cmake
set(MOSAIK_PC_MODULES "")          # modules of mosaik.pc
set(MOSAIK_PC_LIBRARIES "")        # libraries that have no module
foreach(library IN LISTS libraries)
  if(library MATCHES "^PkgConfig::(.+)$")
    get_property(modules GLOBAL PROPERTY MOSAIK_MODULES_${CMAKE_MATCH_1})
    list(JOIN modules " " words)
    string(APPEND MOSAIK_FIND_DEPENDENCIES
      "find_dependency(PkgConfig)\npkg_check_modules(${CMAKE_MATCH_1} REQUIRED QUIET IMPORTED_TARGET ${words})\n")
    foreach(module IN LISTS modules)
      string(REGEX REPLACE "([<>=]+)" " \\1 " module "${module}")
      list(APPEND MOSAIK_PC_MODULES "${module}")
    endforeach()
  elseif(library STREQUAL "Threads::Threads")
    string(APPEND MOSAIK_FIND_DEPENDENCIES "find_dependency(Threads)\n")
    list(APPEND MOSAIK_PC_LIBRARIES "-pthread")
  endif()
endforeach()
list(JOIN MOSAIK_PC_MODULES ", " MOSAIK_PC_MODULES)
list(JOIN MOSAIK_PC_LIBRARIES " " MOSAIK_PC_LIBRARIES)
if(BUILD_SHARED_LIBS)
  set(MOSAIK_FIND_DEPENDENCIES "")
  set(MOSAIK_PC_MODULES "")
  set(MOSAIK_PC_LIBRARIES "")
endif()

# From the folder of mosaik.pc up to the prefix, so that an installation may be moved.
file(RELATIVE_PATH MOSAIK_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" MOSAIK_PC_PREFIX "${MOSAIK_PC_PREFIX}")

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/mosaikConfig.cmake.in ${PROJECT_BINARY_DIR}/mosaikConfig.cmake
  INSTALL_DESTINATION ${mosaik_package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/mosaikConfigVersion.cmake COMPATIBILITY SameMinorVersion)
configure_file(${CMAKE_CURRENT_LIST_DIR}/mosaik.pc.in ${PROJECT_BINARY_DIR}/mosaik.pc @ONLY)
if(MOSAIK_CONTROL)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/mosaik-control.pc.in ${PROJECT_BINARY_DIR}/mosaik-control.pc @ONLY)
  install(TARGETS mosaik_control EXPORT mosaikControlTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
  install(EXPORT mosaikControlTargets NAMESPACE mosaik:: DESTINATION ${mosaik_package_dir} COMPONENT development)
  install(FILES ${PROJECT_BINARY_DIR}/mosaik-control.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
    COMPONENT development)
endif()

install(TARGETS mosaik EXPORT mosaikTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT development)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/mosaik DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(EXPORT mosaikTargets NAMESPACE mosaik:: DESTINATION ${mosaik_package_dir} COMPONENT development)
install(FILES ${PROJECT_BINARY_DIR}/mosaikConfig.cmake ${PROJECT_BINARY_DIR}/mosaikConfigVersion.cmake
  DESTINATION ${mosaik_package_dir} COMPONENT development)
install(FILES ${PROJECT_BINARY_DIR}/mosaik.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
