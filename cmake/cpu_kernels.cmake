# Kernels that need more than x86-64-v2: a source src/cpu/NAME.avx512.cpp is compiled for AVX-512, and so on.
# src/cpu decides at run time which of them may be called.
if(TARGET imagent_cpu AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(avx2_flags -march=x86-64-v3)
  set(avx512_flags -march=x86-64-v4 -mprefer-vector-width=512)
  set(avx512bf16_flags -march=x86-64-v4 -mavx512bf16 -mavx512vbmi -mprefer-vector-width=512)
  foreach(isa avx2 avx512 avx512bf16)
    file(GLOB kernels CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/cpu/*.${isa}.cpp)
    # GCC 12 takes the undefined pass-through operands of its own AVX-512 headers for mistakes of ours.
    set_source_files_properties(${kernels} PROPERTIES COMPILE_OPTIONS "${${isa}_flags};-Wno-uninitialized;$<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>")
  endforeach()
endif()
