// The lists that clients of the web UI fill their menus from, and the ones that are empty here.
#include "base/memory.h"
#include "hub/hash_cache.h"
#include "pipeline/prompt_text.h"
#include "sampling/samplers.h"
#include "server/routes_a1111.h"
#include "weights/embedding_file.h"
#include "weights/open.h"

namespace imagent::server {

using Json = nlohmann::ordered_json;

static Json models(Service& service) {
  Json list = Json::array();
  for (const CatalogEntry& entry : service.catalog.list(CatalogKind::model)) {
    const std::string sha256 = service.hashes.sha256(entry);
    list.push_back({{"title", title_of(service, entry)}, {"model_name", entry.name}, {"hash", sha256.empty() ? Json() : Json(short_hash(sha256))},
                    {"sha256", sha256.empty() ? Json() : Json(sha256)}, {"filename", entry.file_name}, {"config", nullptr}});
  }
  return list;
}

// Of the web UI and, as sd-modules, of Forge.
static Json vaes(Service& service) {
  Json list = Json::array();
  for (const CatalogEntry& entry : service.catalog.list(CatalogKind::vae)) list.push_back({{"model_name", entry.file_name}, {"filename", entry.file_name}});
  return list;
}

static Json prompt_styles(Service& service) {
  Json list = Json::array();
  const auto& file = service.catalog.places().styles;
  if (file.empty()) return list;
  for (const auto& [name, style] : read_styles(file)) list.push_back({{"name", name}, {"prompt", style.prompt}, {"negative_prompt", style.negative}});
  return list;
}

static Json sampler_list() {
  Json list = Json::array();
  for (const SamplerEntry& entry : samplers()) {
    Json options = Json::object();
    if (entry.automatic != "uniform") options["scheduler"] = entry.automatic;
    if (entry.uses_ensd) options["uses_ensd"] = "True";
    if (entry.discards_next_to_last) options["discard_next_to_last_sigma"] = "True";
    list.push_back({{"name", entry.display}, {"aliases", {str("k_", entry.name)}}, {"options", options}});
  }
  return list;
}

static Json scheduler_list() {
  struct Row {
    const char *name, *label;
    double rho = -1;
    bool inner_model = false;
  };
  Json list = Json::array();
  for (const Row& row : {Row{"automatic", "Automatic"}, Row{"uniform", "Uniform", -1, true}, Row{"karras", "Karras", 7}, Row{"exponential", "Exponential"},
                         Row{"polyexponential", "Polyexponential", 1}, Row{"sgm_uniform", "SGM Uniform", -1, true}, Row{"kl_optimal", "KL Optimal"},
                         Row{"align_your_steps", "Align Your Steps"}, Row{"simple", "Simple", -1, true}, Row{"normal", "Normal", -1, true},
                         Row{"ddim", "DDIM", -1, true}, Row{"beta", "Beta", -1, true}})
    list.push_back({{"name", row.name}, {"label", row.label}, {"aliases", row.inner_model && std::string_view(row.name) == "sgm_uniform" ? Json{"SGMUniform"} : Json()},
                    {"default_rho", row.rho}, {"need_inner_model", row.inner_model}});
  return list;
}

static Json loras(Service& service) {
  Json list = Json::array();
  for (const CatalogEntry& entry : service.catalog.list(CatalogKind::lora))
    list.push_back({{"name", entry.name}, {"alias", entry.name}, {"path", entry.file_name}, {"metadata", Json::object()}});
  return list;
}

// Training's own numbers are unknown. For SDXL those of its first text encoder.
static Json embedding_view(const LearnedEmbedding& embedding) {
  const LearnedVectors& vectors = embedding.only ? *embedding.only : *embedding.clip_l;
  return {{"step", nullptr}, {"sd_checkpoint", nullptr}, {"sd_checkpoint_name", nullptr}, {"shape", vectors.width}, {"vectors", vectors.count}};
}

static Json embeddings(Service& service) {
  Json loaded = Json::object(), skipped = Json::object();
  for (const CatalogEntry& entry : service.catalog.list(CatalogKind::embedding)) {
    try {
      loaded[entry.name] = embedding_view(read_embedding(*open_weights(entry.path)));
    } catch (const Error&) {  // no embedding, or a damaged one
      skipped[entry.name] = {{"step", nullptr}, {"sd_checkpoint", nullptr}, {"sd_checkpoint_name", nullptr}, {"shape", 0}, {"vectors", 0}};
    }
  }
  return {{"loaded", loaded}, {"skipped", skipped}};
}

static Json memory() {
  const double free = static_cast<double>(available_memory()), used = static_cast<double>(resident_bytes());
  return {{"ram", {{"free", free}, {"used", used}, {"total", free + used}}}, {"cuda", {{"error", "unavailable"}}}};
}

static Json named(std::initializer_list<const char*> names) {
  Json list = Json::array();
  for (const char* name : names) list.push_back({{"name", name}});
  return list;
}

static Json upscalers(Service& service) {
  Json list = Json::array();
  std::vector<std::string> names = service.upscaling.names();
  names.insert(names.begin(), "None");
  for (const std::string& name : names)
    list.push_back({{"name", name}, {"model_name", nullptr}, {"model_path", nullptr}, {"model_url", nullptr}, {"scale", 4}});
  return list;
}

// A route that answers the same whatever is asked.
static Route fixed(const char* method, const std::string& path, const char* summary, Json answer) {
  return {.method = method, .path = path, .dialect = Dialect::a1111, .summary = summary, .handler = [answer = std::move(answer)](Call& call) { call.reply(answer); }};
}
static Route computed(const std::string& path, const char* summary, std::function<Json()> answer) {
  return {.method = "GET", .path = path, .dialect = Dialect::a1111, .summary = summary, .handler = [answer = std::move(answer)](Call& call) { call.reply(answer()); }};
}

std::vector<Route> a1111_list_routes(Service& service) {
  const std::string api = "/sdapi/v1/";
  const Json none = Json::array(), done = Json();
  std::vector<Route> routes = {
      computed(api + "sd-models", "Models", [&] { return models(service); }),
      computed(api + "samplers", "Samplers", sampler_list),
      computed(api + "schedulers", "Schedules", scheduler_list),
      computed(api + "loras", "LoRAs", [&] { return loras(service); }),
      computed(api + "embeddings", "Textual inversions", [&] { return embeddings(service); }),
      computed(api + "memory", "Memory in bytes", memory),
      computed(api + "upscalers", "Upscalers", [&] { return upscalers(service); }),
      computed(api + "sd-vae", "VAEs", [&] { return vaes(service); }),
      computed(api + "sd-modules", "VAEs, as Forge lists them", [&] { return vaes(service); }),
      computed(api + "prompt-styles", "Styles", [&] { return prompt_styles(service); }),
      fixed("GET", api + "latent-upscale-modes", "Ways to enlarge latents",
            named({"Latent", "Latent (antialiased)", "Latent (bicubic)", "Latent (bicubic antialiased)", "Latent (nearest)", "Latent (nearest-exact)"})),
      fixed("GET", api + "cmd-flags", "Flags of the program", {{"api", true}, {"api_server_stop", false}}),
      fixed("GET", api + "scripts", "Scripts", {{"txt2img", {"controlnet"}}, {"img2img", {"controlnet"}}}),
      fixed("GET", "/internal/ping", "Answers {}", Json::object()),
  };
  routes.back().open = true;
  for (const char* list : {"hypernetworks", "face-restorers", "realesrgan-models", "script-info", "extensions"})
    routes.push_back(fixed("GET", api + list, "None", none));
  for (const char* action : {"refresh-checkpoints", "refresh-vae", "refresh-loras", "refresh-embeddings"})
    routes.push_back(fixed("POST", api + action, "Nothing to do: folders are read when they are asked for", done));
  return routes;
}

}  // namespace imagent::server
