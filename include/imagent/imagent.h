// The library imagent: text to image with Stable Diffusion models, in one call.
//
//   imagent::Engine engine;                                   // a device; models load on first use and stay
//   imagent::Request request{.prompt = "a red house"};        // everything else takes the model's own default
//   imagent::Run run = engine.generate(request);              // run.results[0].image
//
// Every error is an imagent::Error: a kind and one sentence. Link the CMake target `imagent`.
#pragma once
#include "base/atomic_file.h"   // write_file_atomically
#include "base/error.h"         // Error
#include "image/codec.h"        // encode_image, read_image
#include "pipeline/engine.h"    // Engine, Request, Run, Events
