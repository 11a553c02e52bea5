# Every header compiles alone and twice. One tiny source a header, in a target that the test `headers.self_contained` builds.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
  ${PROJECT_SOURCE_DIR}/include/*.hpp ${PROJECT_SOURCE_DIR}/src/*.hpp ${PROJECT_SOURCE_DIR}/extras/*.hpp)
set(sources)
foreach(header IN LISTS headers)
  string(REGEX REPLACE "^(include|src|extras)/" "" name ${header})
  string(REPLACE "/" "_" source ${name})
  set(source ${PROJECT_BINARY_DIR}/headers/${source}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include <${name}>\n#include <${name}>  // NOLINT: once more, to see that it guards itself\n")
  list(APPEND sources ${source})
endforeach()
add_library(mosaik_headers OBJECT EXCLUDE_FROM_ALL ${sources})
target_include_directories(mosaik_headers PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/extras)
target_compile_options(mosaik_headers PRIVATE -O0)
target_link_libraries(mosaik_headers PRIVATE mosaik_options
  PkgConfig::sodium PkgConfig::gnutls PkgConfig::ngtcp2 PkgConfig::cares Boost::headers Threads::Threads)
add_test(NAME headers.self_contained
  COMMAND ${CMAKE_COMMAND} --build ${PROJECT_BINARY_DIR} --target mosaik_headers)
set_tests_properties(headers.self_contained PROPERTIES RESOURCE_LOCK build_folder TIMEOUT 900)
