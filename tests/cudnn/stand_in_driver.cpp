// In the place of NVIDIA's driver, which cuDNN has to find before it writes and compiles kernels: it knows no card, and takes
// what is compiled without looking at it. Only what cuDNN calls on the way to a plan does anything.
extern "C" {

int no_card() { return 100; }  // CUDA_ERROR_NO_DEVICE
int taken(void** what) {
  static int place;
  *what = &place;
  return 0;
}

int cuDriverGetVersion(int* version) {
  *version = 13000;
  return 0;
}
int cuGetErrorString(int, const char** text) {
  *text = "there is no card";
  return 0;
}
int cuLibraryUnload(void*) { return 0; }

int cuLibraryLoadData(void**) __attribute__((alias("taken")));
int cuLibraryGetKernel(void**) __attribute__((alias("taken")));
int cuInit() __attribute__((alias("no_card")));
int cuGetProcAddress_v2() __attribute__((alias("no_card")));
int cuDeviceGetCount() __attribute__((alias("no_card")));
int cuCtxGetCurrent() __attribute__((alias("no_card")));
int cuCtxGetLimit() __attribute__((alias("no_card")));
int cuCtxPopCurrent() __attribute__((alias("no_card")));
int cuCtxPushCurrent() __attribute__((alias("no_card")));
int cuDeviceGet() __attribute__((alias("no_card")));
int cuGetErrorName() __attribute__((alias("no_card")));
int cuKernelGetAttribute() __attribute__((alias("no_card")));
int cuKernelSetAttribute() __attribute__((alias("no_card")));
int cuLaunchCooperativeKernel() __attribute__((alias("no_card")));
int cuLaunchKernel() __attribute__((alias("no_card")));
int cuLaunchKernelEx() __attribute__((alias("no_card")));
int cuLibraryLoadFromFile() __attribute__((alias("no_card")));
int cuLinkAddData() __attribute__((alias("no_card")));
int cuLinkComplete() __attribute__((alias("no_card")));
int cuLinkCreate() __attribute__((alias("no_card")));
int cuLinkDestroy() __attribute__((alias("no_card")));
int cuOccupancyMaxPotentialClusterSize() __attribute__((alias("no_card")));
int cuStreamGetCtx() __attribute__((alias("no_card")));

}
