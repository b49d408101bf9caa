# tests/ mirrors src/: every tests/FOLDER/*_test.cpp goes into one program test_FOLDER, which is one ctest.
find_package(GTest REQUIRED)
add_library(test_support STATIC tests/support/golden.cpp)
target_include_directories(test_support PUBLIC ${CMAKE_SOURCE_DIR}/tests)
target_link_libraries(test_support PUBLIC imagent_weights GTest::gtest nlohmann_json::nlohmann_json)
target_compile_definitions(test_support PUBLIC IMAGENT_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
target_precompile_headers(test_support PUBLIC <gtest/gtest.h> <nlohmann/json.hpp> <string> <vector> <filesystem> <span>)

# For tests that run on every backend.
add_library(test_devices STATIC tests/support/devices.cpp tests/support/present_backends.cpp)
target_link_libraries(test_devices PUBLIC test_support imagent_backends)

# The CUDA backend with its kernels compiled for the processor, and tests that run on it as if it were a device of its own.
add_library(emulated_cuda STATIC tests/cuda/emulation/cuda_runtime.cpp tests/cuda/emulation/cublasLt.cpp tests/cuda/emulation/kernels.cpp
  src/cuda/cuda_backend.cpp src/cuda/device.cpp src/cuda/matmul.cpp src/cuda/no_cudnn.cpp src/cuda/products.cpp src/cuda/recordings.cpp src/cuda/weights.cpp)
target_include_directories(emulated_cuda PUBLIC ${CMAKE_SOURCE_DIR}/tests/cuda/emulation)
target_link_libraries(emulated_cuda PUBLIC imagent_tensor)

# The same as plugins, of this version and of another: each in a folder where no program looks for it.
set_target_properties(imagent_base imagent_tensor emulated_cuda PROPERTIES POSITION_INDEPENDENT_CODE ON)
add_library(emulated_plugin MODULE src/cuda/plugin.cpp)
target_link_libraries(emulated_plugin PRIVATE emulated_cuda)
add_library(other_version_plugin MODULE tests/cuda/other_version_plugin.cpp)
target_link_libraries(other_version_plugin PRIVATE imagent_tensor)
set_target_properties(emulated_plugin other_version_plugin PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)

function(imagent_test folder)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${folder}/*_test.cpp)
  if(NOT sources)
    return()
  endif()
  add_executable(test_${folder} ${sources})
  target_link_libraries(test_${folder} PRIVATE ${ARGN} test_support GTest::gtest_main)
  target_precompile_headers(test_${folder} REUSE_FROM test_support)
  add_test(NAME ${folder} COMMAND test_${folder})
endfunction()

foreach(folder base reference weights text sampling hub image cpu)
  if(TARGET imagent_${folder})
    imagent_test(${folder} imagent_${folder})
  endif()
endforeach()
target_sources(test_hub PRIVATE tests/hub/fake_hub.cpp)
imagent_test(cuda emulated_cuda imagent_pipeline imagent_reference)
target_sources(test_cuda PRIVATE tests/cuda/emulated_backend.cpp tests/support/devices.cpp tests/ops/golden_ops_test.cpp tests/ops/whole_picture_ops_test.cpp)
imagent_test(tensor test_devices)
imagent_test(ops test_devices imagent_models)
imagent_test(models test_devices imagent_pipeline)
if(TARGET imagent_pipeline)
  imagent_test(pipeline test_devices imagent_pipeline)
endif()
imagent_test(cli imagent_cli)
target_sources(test_cli PRIVATE tests/cli/spawn.cpp tests/hub/fake_hub.cpp)
target_compile_definitions(test_cli PRIVATE IMAGENT_PROGRAM="$<TARGET_FILE:imagent_program>" IMAGENT_EMULATED_PLUGIN="$<TARGET_FILE:emulated_plugin>"
  IMAGENT_OTHER_PLUGIN="$<TARGET_FILE:other_version_plugin>")
add_dependencies(test_cli imagent_program emulated_plugin other_version_plugin)
imagent_test(server imagent_server)
target_sources(test_server PRIVATE tests/cli/spawn.cpp tests/hub/fake_hub.cpp)
target_compile_definitions(test_server PRIVATE IMAGENT_PROGRAM="$<TARGET_FILE:imagent_program>")
add_dependencies(test_server imagent_program)
imagent_test(structure)
imagent_test(fullsize test_devices imagent_pipeline)
set_tests_properties(fullsize PROPERTIES LABELS slow)

# Whole models and runs on the emulated card, which is what `--device cuda` means in this program: the tests of every device
# there, but for three that take the longest.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/emulated_card/*.cpp ${CMAKE_SOURCE_DIR}/tests/models/*_test.cpp)
add_executable(test_emulated_card ${sources} tests/pipeline/upscale_test.cpp)
target_link_libraries(test_emulated_card PRIVATE test_devices imagent_pipeline emulated_cuda GTest::gtest_main)
target_precompile_headers(test_emulated_card REUSE_FROM test_support)
add_test(NAME emulated_card COMMAND test_emulated_card --gtest_filter=Card*:*/cuda:-*FreeU*:*ControlNet*)

# The model hub's own JavaScript client (npm) and our cache; skipped without node, npm or a way to the package registry.
add_executable(fake_hub tests/hub_clients/fake_hub_program.cpp tests/hub/fake_hub.cpp)
target_link_libraries(fake_hub PRIVATE imagent_hub test_support)
add_test(NAME hub_clients COMMAND ${CMAKE_SOURCE_DIR}/tests/hub_clients/run.sh $<TARGET_FILE:imagent_program> $<TARGET_FILE:fake_hub>
  ${CMAKE_SOURCE_DIR}/tests/golden/models/sd15-tiny ${CMAKE_BINARY_DIR}/hub_clients)
set_tests_properties(hub_clients PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300)

# Programs that people use with such a server, as they come from npm, and the web page in a browser; skipped without them.
foreach(what clients page)
  add_test(NAME ${what} COMMAND ${CMAKE_SOURCE_DIR}/tests/clients/run $<TARGET_FILE:imagent_program> ${what} $<TARGET_FILE:fake_hub>)
  set_tests_properties(${what} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600 RUN_SERIAL ON)
endforeach()

# What cuDNN has for the graphs of src/cuda/cudnn.cpp, where the plugin is built with it.
if(TARGET imagent_cuda AND IMAGENT_WITH_CUDNN)
  imagent_test(cudnn imagent_tensor)
  target_include_directories(test_cudnn SYSTEM PRIVATE ${IMAGENT_CUDA_INCLUDE} ${IMAGENT_CUDNN_INCLUDE} ${IMAGENT_CUDNN_FRONTEND})
  # Found as the driver by its name once it is loaded, since it is linked.
  add_library(stand_in_driver SHARED tests/cudnn/stand_in_driver.cpp)
  set_target_properties(stand_in_driver PROPERTIES OUTPUT_NAME cuda SOVERSION 1 LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/stand_in_driver)
  target_link_libraries(test_cudnn PRIVATE stand_in_driver ${IMAGENT_CUDNN} ${IMAGENT_CUDART} ${CMAKE_DL_LIBS} rt)
  target_sources(test_cudnn PRIVATE src/cuda/kernel_compiler.cpp)
  get_filename_component(toolkit_libraries ${IMAGENT_CUBLASLT} DIRECTORY)  # NVRTC is there, too
  set_target_properties(test_cudnn PROPERTIES BUILD_RPATH ${toolkit_libraries})
  target_link_options(test_cudnn PRIVATE -Wl,--wrap=cudaGetDevice,--wrap=cudaGetDeviceProperties)
endif()

# The verbs' tests on a real card; skipped where there is none.
if(TARGET imagent_cuda)
  add_executable(test_card tests/card/main.cpp tests/cuda/verbs_test.cpp)
  target_link_libraries(test_card PRIVATE test_devices imagent_models GTest::gtest)
  target_precompile_headers(test_card REUSE_FROM test_support)
  add_test(NAME card COMMAND test_card)
  set_tests_properties(card PROPERTIES SKIP_RETURN_CODE 77)
endif()

# What tools/gpu_check says where there is no card; skipped where there is one.
find_program(IMAGENT_PYTHON python3)
if(IMAGENT_PYTHON)
  add_test(NAME gpu_check COMMAND ${IMAGENT_PYTHON} ${CMAKE_SOURCE_DIR}/tests/gpu_check/without_a_card.py ${CMAKE_BINARY_DIR}/bin)
  set_tests_properties(gpu_check PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 120)
endif()
