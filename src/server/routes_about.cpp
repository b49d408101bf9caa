// What the server says about itself: health, readiness, abilities, metrics, description, and its web page.
#include <httplib.h>

#include <chrono>
#include <ctime>

#include "base/memory.h"
#include "base/version.h"
#include "pipeline/hires.h"
#include "pipeline/prompt_text.h"
#include "pipeline/request_fields.h"
#include "sampling/samplers.h"
#include "server/openapi.h"
#include "server/service.h"

namespace imagent::server {

using Json = nlohmann::ordered_json;

static std::string timestamp() {
  const std::time_t seconds = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc));
}

static void health(Service& service, Call& call) {
  const QueueCounts counts = service.queue.counts();
  call.reply(Json{{"status", "healthy"}, {"timestamp", timestamp()}, {"version", version}, {"model", builtin_name}, {"uptime_s", now() - service.started},
                  {"waiting", counts.waiting}, {"running", counts.running}});
}

static void ready(Service& service, Call& call) {
  const char* reason = !service.ready() ? "the engine starts" : service.options.loading > 0 ? "a model is being loaded" : "";
  Json body = {{"ready", !*reason}};
  if (*reason) body["reason"] = reason;
  body["timestamp"] = timestamp();
  call.reply(body, *reason ? 503 : 200);
}

static Json names_of(const std::vector<CatalogEntry>& entries) {
  Json names = Json::array();
  for (const CatalogEntry& entry : entries) names.push_back(entry.name);
  return names;
}

static Json style_names(const Service& service) {
  Json names = Json::array();
  if (const auto& file = service.catalog.places().styles; !file.empty())
    for (const auto& [name, style] : read_styles(file)) names.push_back(name);
  return names;
}

static Json preview_kinds(const Service& service) {
  return service.catalog.places().taesd.empty() ? Json{"none", "latent", "vae"} : Json{"none", "latent", "taesd", "vae"};
}

// What a page needs to build its form: names to choose from, and every field with its range and help.
static void capabilities(Service& service, Call& call) {
  Json sampler_list = Json::array(), schedule_list = Json::array(), fields = Json::array();
  for (const SamplerEntry& entry : samplers()) sampler_list.push_back({{"name", entry.name}, {"label", entry.display}});
  for (const ScheduleEntry& entry : schedules()) schedule_list.push_back({{"name", entry.name}, {"label", entry.display}});
  for (const FieldInfo& field : infos(request_fields()))
    fields.push_back({{"name", field.name}, {"group", field.group}, {"help", field.help}, {"allowed", field.allowed}, {"default", field.default_text}, {"choices", field.choices}});
  Json upscalers = Json::array();
  for (const LatentUpscaler& entry : latent_upscaler_list()) upscalers.push_back(entry.display);
  for (const std::string& name : service.upscaling.names()) upscalers.push_back(name);
  call.reply(Json{{"version", version}, {"device", {{"name", service.device}, {"threads", service.threads}}},
                  {"models", names_of(service.catalog.list(CatalogKind::model))}, {"loras", names_of(service.catalog.list(CatalogKind::lora))},
                  {"embeddings", names_of(service.catalog.list(CatalogKind::embedding))}, {"vaes", names_of(service.catalog.list(CatalogKind::vae))},
                  {"controls", names_of(service.catalog.list(CatalogKind::control))}, {"ip_adapters", names_of(service.catalog.list(CatalogKind::ip_adapter))}, {"upscalers", upscalers}, {"styles", style_names(service)},
                  {"previews", preview_kinds(service)}, {"downloads", service.downloads != nullptr}, {"samplers", sampler_list}, {"schedulers", schedule_list}, {"fields", fields},
                  {"limits", {{"max_pixels", service.limits.max_pixels}, {"max_pictures", service.limits.max_pictures}}}});
}

// Prometheus' text format, version 0.0.4.
static void metrics(Service& service, Call& call) {
  const QueueCounts c = service.queue.counts();
  std::string text;
  const auto gauge = [&](const char* name, const char* help, double value) { text += str("# HELP ", name, " ", help, "\n# TYPE ", name, " gauge\n", name, " ", value, "\n"); };
  gauge("imagent_queue_waiting", "Jobs that wait.", c.waiting);
  gauge("imagent_queue_running", "Jobs that are drawn now.", c.running);
  text += "# HELP imagent_jobs Jobs that have ended and are still known.\n# TYPE imagent_jobs gauge\n";
  text += str("imagent_jobs{state=\"completed\"} ", c.completed, "\nimagent_jobs{state=\"failed\"} ", c.failed, "\nimagent_jobs{state=\"cancelled\"} ", c.cancelled, "\n");
  gauge("imagent_pictures", "Pictures in the gallery.", static_cast<double>(service.store.list({.limit = 0}).total));
  gauge("imagent_uptime_seconds", "Since the server started.", now() - service.started);
  gauge("imagent_peak_resident_bytes", "Largest memory of the process so far.", static_cast<double>(peak_resident_bytes()));
  gauge("imagent_available_bytes", "Memory that the process could still take.", static_cast<double>(available_memory()));
  call.response.status = 200;
  call.response.set_content(text, "text/plain; version=0.0.4; charset=utf-8");
}

static void send_html(Call& call, const std::string& page, const char* policy) {
  call.response.status = 200;
  call.response.set_header("Content-Security-Policy", policy);
  call.response.set_content(page, "text/html; charset=utf-8");
}

static void front_page(Service& service, Call& call) {
  if (service.page.empty()) return call.reply(Json{{"name", "imagent"}, {"version", version}, {"docs", "/docs"}});
  send_html(call, service.page, "default-src 'self' 'unsafe-inline' data: blob:; frame-ancestors 'none'");
}

std::vector<Route> about_routes(Service& service, const Router& router) {
  return {
      {.method = "GET", .path = "/", .summary = "The web page", .handler = [&](Call& call) { front_page(service, call); }},
      {.method = "GET", .path = "/health", .summary = "Whether the process is alive", .handler = [&](Call& call) { health(service, call); }, .open = true},
      {.method = "GET", .path = "/ready", .summary = "Whether it takes jobs; 503 until then", .handler = [&](Call& call) { ready(service, call); }, .open = true},
      {.method = "GET", .path = "/v1/capabilities", .summary = "Models, samplers, schedulers, fields and limits", .handler = [&](Call& call) { capabilities(service, call); }},
      {.method = "GET", .path = "/metrics", .summary = "Metrics for Prometheus", .handler = [&](Call& call) { metrics(service, call); }},
      {.method = "GET", .path = "/openapi.json", .summary = "All routes as OpenAPI", .handler = [&](Call& call) { call.reply(openapi(router)); }},
      {.method = "GET", .path = "/docs", .summary = "All routes as a page",
       .handler = [&](Call& call) { send_html(call, docs_page(router), "default-src 'none'; style-src 'unsafe-inline'"); }},
  };
}

}  // namespace imagent::server
