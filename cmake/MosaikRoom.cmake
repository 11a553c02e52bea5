# mosaik_room(FOLDER [DEPENDS room...] [PRIVATE library...])
# One target a room: mosaik_NAME, from all .cpp files in and below its folder; NAME is the folder's last part. PRIVATE names
# the third-party code of the room.
option(MOSAIK_WERROR "Treat warnings as errors" ${PROJECT_IS_TOP_LEVEL})
add_library(mosaik_options INTERFACE)
target_compile_features(mosaik_options INTERFACE cxx_std_23)
target_compile_options(mosaik_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual $<$<BOOL:${MOSAIK_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 warns of `"text" + std::string` when it optimizes (GCC bug 105651).
  target_compile_options(mosaik_options INTERFACE -Wno-restrict)
endif()
if(MOSAIK_SANITIZE)
  target_compile_options(mosaik_options INTERFACE -fsanitize=${MOSAIK_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(mosaik_options INTERFACE -fsanitize=${MOSAIK_SANITIZE})
endif()

function(mosaik_room folder)
  cmake_parse_arguments(room "" "" "DEPENDS;PRIVATE" ${ARGN})
  get_filename_component(name ${folder} NAME)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_library(mosaik_${name} STATIC ${sources})
  target_include_directories(mosaik_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>)
  foreach(dependency IN LISTS room_DEPENDS)
    target_link_libraries(mosaik_${name} PUBLIC mosaik_${dependency})
  endforeach()
  target_link_libraries(mosaik_${name} PRIVATE $<BUILD_INTERFACE:mosaik_options> ${room_PRIVATE})
  set_property(GLOBAL APPEND PROPERTY MOSAIK_ROOMS ${name})
endfunction()

# mosaik_library(TARGET STATIC|SHARED): one library of all rooms, that shows include/mosaik and nothing else.
function(mosaik_library target kind)
  get_property(rooms GLOBAL PROPERTY MOSAIK_ROOMS)
  add_library(${target} ${kind})
  set(libraries)
  foreach(room IN LISTS rooms)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:mosaik_${room}>)
    get_target_property(linked mosaik_${room} LINK_LIBRARIES)
    list(APPEND libraries ${linked})
  endforeach()
  list(FILTER libraries EXCLUDE REGEX "mosaik_")  # the rooms are inside
  list(REMOVE_DUPLICATES libraries)
  target_link_libraries(${target} PRIVATE ${libraries})
  target_compile_features(${target} PUBLIC cxx_std_23)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME mosaik LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  if(MOSAIK_SANITIZE)
    target_link_options(${target} PUBLIC $<BUILD_INTERFACE:-fsanitize=${MOSAIK_SANITIZE}>)
  endif()
  set_property(GLOBAL PROPERTY MOSAIK_LIBRARY_DEPENDENCIES ${libraries})
endfunction()
