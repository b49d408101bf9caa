// Everything about one run that its phases share. Private to generate.cpp and the files of its phases.
#pragma once
#include <chrono>

#include "pipeline/engine.h"
#include "pipeline/loaded_controlnet.h"
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
  std::vector<LoadedControlNet*> controlnets;  // one for each of the request's controls
  Run run;
  std::optional<PictureDecoder> tiny = {};  // for previews by TAESD

  const Request& request() const { return run.request; }
  LoadedModel& last_model() const { return refiner ? *refiner : base; }
  Quantization quantization() const { return request().compat == Compat::a1111 ? Quantization::truncate : Quantization::round; }
  PictureDecoder decoder_of(LoadedModel& model) const { return {model.vae_decoder(), model.vae_config(), model.backend(), model.compute(), run.vae_tile}; }
  bool stopped() const { return events.stop && *events.stop; }
  void phase(const char* name) const {
    check(!events.cancel || !*events.cancel, ErrorKind::cancelled, "cancelled");
    if (events.phase) events.phase(name);
  }
};

}  // namespace imagent
