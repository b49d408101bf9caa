// The engine: a device with the models loaded on it. generate() draws pictures; everything else is its surroundings.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hub/pull_progress.h"
#include "image/image.h"
#include "pipeline/request.h"
#include "tensor/backend.h"

namespace imagent {

struct EngineOptions {
  std::string device = "auto";                    // a name of backends.cpp: auto, cpu, reference
  int threads = 0;                                // 0: all usable cores
  bool low_vram = false;                          // of a graphics card: weights stay with the host where there is no room for them
  std::filesystem::path builtin_model = {};       // folder of the built-in model; "": found beside the program
  size_t memory_limit = 0;                        // bytes that a run may need; 0: what the machine has
  int shared_pictures = 1;                        // most pictures of several runs in one UNet call, as far as memory allows; 1: one run at a time
  std::filesystem::path lora_dir = {};            // where LoRAs named in prompts and requests lie; "": nowhere
  std::filesystem::path embeddings_dir = {};      // textual inversion: files whose names are words of the prompt
  std::filesystem::path upscalers_dir = {};       // where networks named as hires upscalers lie; "": nowhere
  bool lora_paths = true;                         // requests may name any LoRA file of this machine, and parts of models of the hub
  std::filesystem::path models_folder = {};       // models that are called by their file name; "": none
  bool offline = false;                           // models are never downloaded
};

struct Timings {
  double load_s = 0, text_s = 0, encode_s = 0, denoise_s = 0, decode_s = 0, total_s = 0;
  std::vector<double> step_s;
};

struct Result {
  Image image;
  int64_t seed = 0;
  std::vector<float> latents;                     // [4,h,w] planar, as the sampler returned them
  int latent_height = 0, latent_width = 0;
  std::string infotext;                           // the A1111 `parameters` text
};

// What a run really used, defaults filled in.
struct Run {
  std::vector<Result> results;                    // one an image of the batch
  Request request;
  std::string sampler, scheduler, model_name, model_hash, device;
  std::string vae_hash;                           // of another VAE than the model's; "": none
  std::string init_image_hash, mask_hash;         // MD5 of the given pictures' pixels; "": none
  std::vector<std::pair<std::string, std::string>> lora_hashes, embedding_hashes;  // name, A1111's short hash
  int vae_tile = 0;                               // latents: side of the tiles that the VAE worked on, 0: the whole picture
  std::string hires_upscaler;                     // "": no hires pass
  Timings timings;
  size_t peak_bytes = 0;                          // memory held for tensors and packed weights
  int largest_call = 0;                           // pictures in its largest UNet call, those of other runs included
};

struct Progress {
  int step = 0, steps = 0;                        // step 0: about to start
  double seconds_per_step = 0;
  const Image* preview = nullptr;                 // of the first image, when the request asked for previews
  int pass = 0, passes = 1;                       // with a hires pass there are two
};

// Called between steps on the calling thread (but for downloads). `cancel` is checked between ops as well. The flags may be
// raised by any thread.
struct Events {
  std::function<void(const std::string& phase)> phase;      // "load", "text", "encode" (a picture), "denoise", "decode"
  std::function<void(const Progress&)> progress;
  std::function<void(const std::string&)> note = {};        // a line for the user, from any thread
  std::function<void(const std::string&)> detail = {};      // a line for users who want to know more (-v)
  PullCallback download = {};                               // while a model comes from the hub; by several threads, never by two at once
  const std::atomic<bool>* cancel = nullptr;
  const std::atomic<bool>* stop = nullptr;                  // raised: the pictures are taken as they are after the running step
};

struct ModelLookup;

class Engine {
 public:
  explicit Engine(const EngineOptions& options = {});
  ~Engine();

  // Draws request.batch pictures. Models stay loaded for the next call. Errors: Error of every kind; nothing is lost by one.
  // Any number of threads may call: runs take turns on the device, and pictures of the same model and size share UNet calls.
  Run generate(const Request& request, const Events& events = {});

  // Loads what a request's pictures need of its model and its VAE, so that they need not wait for it. Waits for the runs in
  // hand. Errors: as generate().
  void load(const Request& request, const Events& events = {});
  // Drops the models that stayed loaded. These wait for the runs in hand.
  void unload_models(const Events& events = {});
  size_t loaded_bytes() const;                    // weights that stay loaded
  // Those that are loaded now, the one that was used last first.
  std::vector<std::string> loaded_models() const;
  int waiting_runs() const;                       // that wait for their first turn

  Backend& backend();
  // Names that prompts may use now: <lora:NAME:1>, and words with learned vectors.
  std::vector<std::string> lora_names() const;
  std::vector<std::string> embedding_names() const;
  // The folder or file that a request's model name means; it is downloaded when it has to be. Errors: as generate().
  std::filesystem::path find_model(const std::string& name, const Events& events = {}) const;
  const ModelLookup& lookup() const;              // pipeline/model_lookup.h

  struct State;  // engine_state.h

 private:
  std::unique_ptr<State> state_;
};

}  // namespace imagent
