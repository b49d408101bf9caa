# The library target `imagent` (public header include/imagent/imagent.h) and the program of the same name.
add_library(imagent INTERFACE)
target_include_directories(imagent INTERFACE ${CMAKE_SOURCE_DIR}/include)
target_link_libraries(imagent INTERFACE imagent_pipeline)

# The program without its main(), so that tests can link it.
file(GLOB cli_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/cli/*.cpp)
list(REMOVE_ITEM cli_sources ${CMAKE_SOURCE_DIR}/src/cli/main.cpp)
add_library(imagent_cli STATIC ${cli_sources})
target_link_libraries(imagent_cli PUBLIC imagent_server imagent_pipeline CLI11::CLI11)

add_executable(imagent_program src/cli/main.cpp)
target_link_libraries(imagent_program PRIVATE imagent_cli)
set_target_properties(imagent_program PROPERTIES OUTPUT_NAME imagent)

# The example of the README: built and run as a test.
if(IMAGENT_TESTS)
  add_executable(first_picture examples/first_picture.cpp)
  target_link_libraries(first_picture PRIVATE imagent)
  add_test(NAME example COMMAND first_picture "a red house by the sea" ${CMAKE_BINARY_DIR}/example.png)
endif()
