// One row for each route that has more to say than its summary.
#include "server/route_details.h"

namespace imagent::server {

using Parameters = std::vector<Parameter>;

static Parameters joined(Parameters first, const Parameters& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

static const Parameters paging = {{"limit", "integer", "At most so many"}, {"offset", "integer", "After so many"}};

// imagent's own.
static const Parameters own_picture = {{"batches", "integer", "Runs one after another, seeds counting on"},
                                       {"loras", "array", "[{\"path\": name, \"strength\": 1.0}]"},
                                       {"controls", "array", "ControlNets and T2I-Adapters: [{\"model\", \"image\", \"preprocess\", \"strength\", \"start\", \"end\", \"mode\", \"region\"}]"},
                                       {"ip_adapters", "array", "Pictures as prompts: [{\"model\", \"image\", \"strength\", \"start\", \"end\", \"region\"}]"},
                                       {"priority", "integer", "-100 to 100, higher first"},
                                       {"preview_every", "integer", "Steps between previews, 0: none"},
                                       {"preview_method", "string", "none, latent, taesd or vae"}};
static const Parameters own_image = {{"image", "string", "The picture to start from, Base64 (also input_image, init_image)"}, {"mask_image", "string", "White is drawn anew (also mask)"}};

// The web UI's (modules/processing.py, modules/api/models.py).
static const Parameters webui_picture = {
    {"sampler_name", "string"}, {"sampler_index", "string", "Where sampler_name is absent; Euler"}, {"n_iter", "integer", "Batches"}, {"batch_size", "integer"}, {"cfg_scale", "number", "7"},
    {"override_settings", "object", "sd_model_checkpoint, sd_vae, CLIP_stop_at_last_layers, randn_source, eta_noise_seed_delta"},
    {"alwayson_scripts", "object", "{\"controlnet\": {\"args\": [unit, ...]}}"}, {"infotext", "string", "Fills what is absent"}, {"send_images", "boolean", "true"}};
static const Parameters webui_hires = {{"enable_hr", "boolean"}, {"denoising_strength", "number", "Of the hires pass, 0.75"}, {"hr_scale", "number", "2"}, {"hr_upscaler", "string", "Latent"}};
static const Parameters webui_image = {{"init_images", "array", "Pictures in Base64: one, or one for each of the batch"}, {"mask", "string", "White is drawn anew"}, {"denoising_strength", "number", "0.75"},
                                       {"include_init_images", "boolean", "Whether parameters repeats them"}};
static const Parameters extras = {{"upscaler_1", "string", "A name of /sdapi/v1/upscalers"}, {"upscaler_2", "string"}, {"extras_upscaler_2_visibility", "number", "0 to 1"},
                                  {"resize_mode", "integer", "0: by upscaling_resize, 1: to upscaling_resize_w and _h"}, {"upscaling_resize", "number", "2"},
                                  {"upscaling_resize_w", "integer", "512"}, {"upscaling_resize_h", "integer", "512"}, {"upscaling_crop", "boolean", "true"}};

// OpenAI's.
static const Parameters openai_picture = {{"n", "integer", "1 to 10"}, {"size", "string", "WIDTHxHEIGHT or auto"}, {"response_format", "string", "b64_json or url"},
                                          {"output_format", "string", "png, jpeg or webp"}, {"output_compression", "integer", "0 to 100"}, {"quality", "string"},
                                          {"stream", "boolean"}, {"partial_images", "integer", "0 to 3, of a stream"}, {"user", "string"}};
static const Parameters openai_files = {{"image", "file", "The picture"}, {"mask", "file", "A PNG, transparent where the picture is drawn anew"}};

static const Parameters sdcpp_picture = {{"sample_params", "object", "{scheduler, sample_method, sample_steps, eta, guidance: {txt_cfg}}"}, {"lora", "array", "[{\"path\", \"multiplier\"}]"},
                                         {"init_image", "string"}, {"mask_image", "string"}, {"strength", "number", "0.75"}, {"batch_count", "integer", "1 to 8"},
                                         {"output_format", "string", "png, jpeg or webp"}, {"embed_image_metadata", "boolean", "true"}};

const std::vector<RouteDetails>& route_details() {
  static const std::vector<RouteDetails> rows = {
      {.route = "POST /txt2img", .body = own_picture},
      {.route = "POST /img2img", .body = joined(own_picture, own_image)},
      {.route = "POST /v1/jobs", .body = joined(joined({{"operation", "string", "image_generation, image_transform or image_inpaint; absent: by the pictures"}}, own_picture), own_image), .status = 202},
      {.route = "GET /v1/jobs", .query = joined({{"status", "string", "queued, running, completed, failed or cancelled"}, {"client", "string", "Who asked"}}, paging)},
      {.route = "GET /v1/jobs/{id}/stream", .query = {{"last_event_id", "integer", "As the header Last-Event-ID"}}, .answer = "text/event-stream"},
      {.route = "GET /v1/gallery", .query = joined({{"search", "string", "Words of the prompt"}, {"favourites", "boolean"}, {"job", "string"}}, paging)},
      {.route = "GET /v1/gallery/{id}/file", .answer = "image/*"},
      {.route = "PATCH /v1/gallery/{id}", .body = {{"favourite", "boolean"}}},
      {.route = "POST /v1/models/pull", .body = {{"name", "string", "ORG/NAME[@REVISION]"}}},
      {.route = "GET /v1/pulls/{id}/stream", .answer = "text/event-stream"},
      {.route = "GET /metrics", .answer = "text/plain"},
      {.route = "GET /", .answer = "text/html"},
      {.route = "GET /docs", .answer = "text/html"},
      {.route = "POST /sdapi/v1/txt2img", .body = joined(webui_picture, webui_hires)},
      {.route = "POST /sdapi/v1/img2img", .body = joined(webui_picture, webui_image)},
      {.route = "GET /sdapi/v1/progress", .query = {{"skip_current_image", "boolean", "Without the preview (also skipCurrentImage)"}}},
      {.route = "POST /sdapi/v1/options", .body = {{"sd_model_checkpoint", "string", "A title of /sdapi/v1/sd-models"}, {"sd_vae", "string"}, {"CLIP_stop_at_last_layers", "integer"}}},
      {.route = "POST /sdapi/v1/png-info", .body = {{"image", "string", "Base64"}}},
      {.route = "POST /sdapi/v1/extra-single-image", .body = joined({{"image", "string", "Base64"}}, extras)},
      {.route = "POST /sdapi/v1/extra-batch-images", .body = joined({{"imageList", "array", "[{\"data\": Base64, \"name\"}]"}}, extras)},
      {.route = "POST /sdapi/v1/interrogate", .body = {{"image", "string", "Base64"}, {"model", "string"}}},
      {.route = "POST /controlnet/detect", .body = {{"controlnet_module", "string", "none or canny"}, {"controlnet_input_images", "array", "Base64"}, {"controlnet_processor_res", "integer"},
                                                    {"controlnet_threshold_a", "number"}, {"controlnet_threshold_b", "number"}}},
      {.route = "POST /v1/images/generations", .body = openai_picture},
      {.route = "POST /v1/images/edits", .body = joined(openai_files, openai_picture)},
      {.route = "POST /v1/images/variations", .body = joined({openai_files[0]}, openai_picture)},
      {.route = "POST /sdcpp/v1/img_gen", .body = sdcpp_picture, .status = 202},
  };
  return rows;
}

RouteDetails details_of(const std::string& method, const std::string& path) {
  for (const RouteDetails& row : route_details())
    if (row.route == method + " " + path) return row;
  return {.route = method + " " + path};
}

}  // namespace imagent::server
