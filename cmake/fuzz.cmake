# Fuzz targets: every fuzz/NAME_fuzz.cpp becomes a program NAME_fuzz (clang's libFuzzer). The target `fuzz` builds them all
# and, of the rest, only what they need: of src/pipeline the files that read what strangers wrote, not those that compute.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "fuzzing needs clang: -DCMAKE_CXX_COMPILER=clang++-14")
endif()
set(readers src/pipeline/detect.cpp src/pipeline/file_kind.cpp src/pipeline/model_config.cpp src/pipeline/model_defaults.cpp
  src/pipeline/model_folder.cpp src/pipeline/part_files.cpp src/pipeline/single_file.cpp src/sampling/scheduler_config.cpp)
add_library(fuzz_support STATIC EXCLUDE_FROM_ALL fuzz/fuzz.cpp ${readers})
target_include_directories(fuzz_support PUBLIC ${CMAKE_SOURCE_DIR}/fuzz ${CMAKE_SOURCE_DIR}/tests)
target_link_libraries(fuzz_support PUBLIC imagent_weights imagent_text imagent_image imagent_hub)

add_custom_target(fuzz)
file(GLOB fuzz_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/fuzz/*_fuzz.cpp)
foreach(source ${fuzz_sources})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} EXCLUDE_FROM_ALL ${source})
  target_link_libraries(${name} PRIVATE fuzz_support -fsanitize=fuzzer)
  add_dependencies(fuzz ${name})
endforeach()
target_link_libraries(http_request_fuzz PRIVATE imagent_server)   # the only one that needs all of them
target_compile_options(imagent_sampling PRIVATE -fno-sanitize=all)   # clang 14 cannot compile coroutines with them
