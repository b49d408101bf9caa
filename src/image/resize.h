// Resizing 8-bit pictures, bit for bit as PIL's Image.resize (Pillow src/libImaging/Resample.c and Geometry.c).
#pragma once
#include "image/image.h"

namespace imagent {

enum class Resample { nearest, box, bilinear, bicubic, lanczos };  // box averages areas when shrinking

// RGBA is resized with premultiplied alpha, except by nearest. Error: image when a size is not positive.
Image resize(const Image& image, int width, int height, Resample filter = Resample::lanczos);

}  // namespace imagent
