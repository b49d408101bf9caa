// Everything about one run that its phases share. Private to generate.cpp and the files of its phases.
#pragma once
#include <chrono>

#include "pipeline/engine.h"
#include "pipeline/image_prompt.h"
#include "pipeline/loaded_control.h"
#include "pipeline/loaded_model.h"
#include "pipeline/preview.h"
#include "pipeline/shared_device.h"

namespace imagent {

using Clock = std::chrono::steady_clock;
inline double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct RunContext {
  const Events& events;
  SharedDevice::Turn& turn;
  LoadedModel& base;
  LoadedModel* refiner;
  std::vector<LoadedControl*> controls;        // one for each of the request's
  std::vector<LoadedIpAdapter*> ip_adapters;   // the same
  Run run;
  std::vector<ImagePrompt> image_prompts = {};
  std::optional<PictureDecoder> previewer = {};  // TAESD's from the start; the model's own from the first preview by it
  bool previews = true;                          // false: memory ran out, there will be no more

  const Request& request() const { return run.request; }
  std::string files_stamp = {};                // of the files that hashes are made of, when they were opened
  std::vector<std::shared_ptr<const void>> held = {};  // what has to outlive the run

  template <class Part>
  Part* hold(const std::shared_ptr<Part>& part) {
    held.push_back(part);
    return part.get();
  }
  LoadedModel& last_model() const { return refiner ? *refiner : base; }
  Quantization quantization() const { return request().compat == Compat::a1111 ? Quantization::truncate : Quantization::round; }
  PictureDecoder decoder_of(LoadedModel& model) const { return model.vae().picture_decoder(run.vae_tile); }
  size_t packed_bytes_of_adapters() const { return packed_bytes(controls) + packed_bytes(ip_adapters); }
  int pass = 0, passes = 1;                    // as in Progress
  bool stopped() const { return events.stop && *events.stop; }
  void phase(const char* name) const {
    check(!events.cancel || !*events.cancel, ErrorKind::cancelled, "cancelled");
    if (events.phase) events.phase(name);
  }
};

}  // namespace imagent
