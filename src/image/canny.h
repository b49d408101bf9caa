// Edges of a picture (Canny 1986), as OpenCV's GaussianBlur and Canny find them.
#pragma once
#include "image/image.h"

namespace imagent {

struct CannyThresholds {
  int low = 100, high = 200;  // of the gradient |dx| + |dy|: an edge begins above `high` and goes on above `low`
};

// Any picture -> RGB of the same size, edges 255 on 0.
Image canny_edges(const Image& picture, CannyThresholds thresholds = {});

}  // namespace imagent
