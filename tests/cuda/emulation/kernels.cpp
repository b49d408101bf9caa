// The kernels' own sources, compiled for a processor.
#include "cuda/eight_bit.cu"
#include "cuda/elementwise.cu"
#include "cuda/movement.cu"
#include "cuda/norm.cu"
