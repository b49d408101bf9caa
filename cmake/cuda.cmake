# The plugin libimagent_cuda.so, where a CUDA 13 toolkit is found: the one that tools/cuda_toolkit.sh fetches, or nvcc, cuBLASLt
# and, for more speed, cuDNN 9 with its frontend's headers as they are installed. Without a toolkit nothing is built.
if(NOT IMAGENT_CUDA OR IMAGENT_SANITIZE OR IMAGENT_FUZZ)
  return()
endif()
file(GLOB wheels ${CMAKE_SOURCE_DIR}/build/cuda-toolkit/lib/python3*/site-packages)
set(toolkit ${wheels}/nvidia/cu13 /usr/local/cuda)
find_program(IMAGENT_NVCC nvcc HINTS ${toolkit} PATH_SUFFIXES bin)
find_path(IMAGENT_CUDA_INCLUDE cuda_runtime.h HINTS ${toolkit} PATH_SUFFIXES include)
find_library(IMAGENT_CUDART cudart_static HINTS ${toolkit} PATH_SUFFIXES lib lib64)
find_library(IMAGENT_CUBLASLT NAMES libcublasLt.so.13 HINTS ${toolkit} PATH_SUFFIXES lib lib64)
find_library(IMAGENT_CUDNN NAMES libcudnn.so.9 HINTS ${wheels}/nvidia/cudnn PATH_SUFFIXES lib)
find_path(IMAGENT_CUDNN_INCLUDE cudnn.h HINTS ${wheels}/nvidia/cudnn PATH_SUFFIXES include)
find_path(IMAGENT_CUDNN_FRONTEND cudnn_frontend.h HINTS ${wheels} PATH_SUFFIXES include)
mark_as_advanced(IMAGENT_NVCC IMAGENT_CUDA_INCLUDE IMAGENT_CUDART IMAGENT_CUBLASLT IMAGENT_CUDNN IMAGENT_CUDNN_INCLUDE IMAGENT_CUDNN_FRONTEND)
if(NOT IMAGENT_NVCC OR NOT IMAGENT_CUDA_INCLUDE OR NOT IMAGENT_CUDART OR NOT IMAGENT_CUBLASLT)
  message(STATUS "CUDA: no toolkit, so no plugin (tools/cuda_toolkit.sh fetches one)")
  return()
endif()

# Machine code for sm_80 (which runs on 86 to 89 as well) and sm_90; PTX for what came after, compiled by its driver.
set(architectures "")
foreach(architecture 80 90)
  list(APPEND architectures -gencode=arch=compute_${architecture},code=sm_${architecture})
endforeach()
list(APPEND architectures -gencode=arch=compute_90,code=compute_90)

set(host_compiler "")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # else nvcc finds one that it knows
  set(host_compiler -ccbin ${CMAKE_CXX_COMPILER})
endif()

file(GLOB kernels CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/cuda/*.cu)
set(objects "")
foreach(kernel ${kernels})
  get_filename_component(name ${kernel} NAME)
  set(object ${CMAKE_BINARY_DIR}/cuda/${name}.o)
  add_custom_command(OUTPUT ${object} DEPENDS ${kernel} DEPFILE ${object}.d VERBATIM
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/cuda
    COMMAND ${IMAGENT_NVCC} ${host_compiler} -std=c++20 -O3 ${architectures} -Werror=all-warnings -Xcompiler=-fPIC,-Wall,-Wno-array-bounds
      -I${CMAKE_SOURCE_DIR}/src -MD -MF ${object}.d -MT ${object} -c ${kernel} -o ${object})
  list(APPEND objects ${object})
endforeach()

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/cuda/*.cpp)
add_library(imagent_cuda MODULE ${objects})
set(IMAGENT_WITH_CUDNN OFF)
if(IMAGENT_CUDNN AND IMAGENT_CUDNN_INCLUDE AND IMAGENT_CUDNN_FRONTEND)
  set(IMAGENT_WITH_CUDNN ON)
  list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/src/cuda/no_cudnn.cpp)
  target_include_directories(imagent_cuda SYSTEM PRIVATE ${IMAGENT_CUDNN_INCLUDE} ${IMAGENT_CUDNN_FRONTEND})
  target_link_libraries(imagent_cuda PRIVATE ${IMAGENT_CUDNN})
else()
  message(STATUS "CUDA: without cuDNN")
  list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/src/cuda/cudnn.cpp ${CMAKE_SOURCE_DIR}/src/cuda/kernel_compiler.cpp)
endif()
target_sources(imagent_cuda PRIVATE ${sources})
target_include_directories(imagent_cuda SYSTEM PRIVATE ${IMAGENT_CUDA_INCLUDE} ${IMAGENT_CUDA_INCLUDE}/cccl)
target_link_libraries(imagent_cuda PRIVATE imagent_tensor ${IMAGENT_CUBLASLT} ${IMAGENT_CUDART} Threads::Threads ${CMAKE_DL_LIBS} rt)
target_link_options(imagent_cuda PRIVATE -Wl,--no-undefined)
set_target_properties(imagent_cuda PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set_target_properties(imagent_base imagent_tensor PROPERTIES POSITION_INDEPENDENT_CODE ON)
add_dependencies(imagent_backends imagent_cuda)  # the program and the tests load it
