// The command `serve`: the HTTP server, until a signal ends it.
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "backends.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/interrupt.h"
#include "pipeline/field_rules.h"
#include "server/image_server.h"

namespace imagent {
namespace {

struct ServeFlags {
  std::string host = "127.0.0.1";
  int port = 7860;
  std::string models_dir, lora_dir, embeddings_dir, vae_dir, controlnet_dir, upscalers_dir, taesd, styles_file, data_dir, api_auth, api_key, cors, tls_cert, tls_key, page, device = "auto";
  int max_queue = 64, timeout = 120, threads = 0, max_body = 64, batch = 8;
  long long max_pixels = 2048 * 2048;
  bool no_ui = false, quiet = false, no_hub = false, allow_downloads = false, low_vram = false;
};
using FlagField = Field<ServeFlags>;

FlagField text_flag(const char* name, const char* flag, const char* group, const char* value, const char* help, std::string ServeFlags::*member) {
  return {{.name = name, .flags = {flag}, .json = {}, .group = group, .value = value, .help = help, .default_text = "none"}, rule::text(member)};
}
FlagField path_flag(const char* name, const char* flag, const char* value, const char* help, std::string ServeFlags::*member) {
  return {{.name = name, .flags = {flag}, .json = {}, .group = "Files", .value = value, .help = help, .default_text = "none"}, rule::path(member)};
}
template <class M>
FlagField whole_flag(const char* name, const char* flag, const char* group, const char* help, M ServeFlags::*member, rule::WholeRange range) {
  return {{.name = name, .flags = {flag}, .json = {}, .group = group, .value = "N", .help = help, .default_text = ""}, rule::whole(member, range)};
}
FlagField toggle_flag(const char* name, const char* flag, const char* group, const char* help, bool ServeFlags::*member) {
  return {{.name = name, .flags = {flag}, .json = {}, .group = group, .value = "", .help = help, .default_text = "", .kind = FieldKind::toggle}, rule::toggle(member)};
}

Rule<ServeFlags> device_rule() {
  std::vector<std::pair<std::string, std::string>> names = {{"auto", "auto"}};
  for (const BackendEntry& entry : backend_list()) names.emplace_back(entry.name, entry.name);
  return rule::choice(&ServeFlags::device, std::move(names));
}

const std::vector<FlagField>& serve_fields() {
  const char *network = "Network", *access = "Access", *limits = "Limits", *machine = "Machine";
  static const std::vector<FlagField> fields = {
      {{.name = "host", .flags = {"--host"}, .json = {}, .group = network, .value = "ADDRESS", .help = "Address to listen on; 0.0.0.0 is reachable from elsewhere", .default_text = ""},
       rule::text(&ServeFlags::host)},
      whole_flag("port", "--port", network, "Port to listen on; 0 takes a free one", &ServeFlags::port, {.low = 0, .high = 65535}),
      path_flag("tls_cert", "--tls-cert", "FILE", "Certificate (PEM): HTTPS in place of HTTP", &ServeFlags::tls_cert),
      path_flag("tls_key", "--tls-key", "FILE", "The certificate's key (PEM)", &ServeFlags::tls_key),
      text_flag("api_auth", "--api-auth", access, "USER:PASSWORD", "Ask callers for this name and password (HTTP Basic)", &ServeFlags::api_auth),
      text_flag("api_key", "--api-key", access, "KEY", "Ask callers for this key (Authorization: Bearer)", &ServeFlags::api_key),
      text_flag("cors", "--cors", access, "ORIGIN", "Let pages of this origin call; * lets all", &ServeFlags::cors),
      path_flag("models_dir", "--models-dir", "FOLDER", "Models that callers may name", &ServeFlags::models_dir),
      path_flag("lora_dir", "--lora-dir", "FOLDER", "LoRAs that callers may name", &ServeFlags::lora_dir),
      path_flag("embeddings_dir", "--embeddings-dir", "FOLDER", "Embeddings that prompts may name", &ServeFlags::embeddings_dir),
      path_flag("vae_dir", "--vae-dir", "FOLDER", "Autoencoders that callers may name", &ServeFlags::vae_dir),
      path_flag("controlnet_dir", "--controlnet-dir", "FOLDER", "ControlNets, T2I-Adapters and IP-Adapters that callers may name", &ServeFlags::controlnet_dir),
      path_flag("upscalers_dir", "--upscalers-dir", "FOLDER", "Networks for enlarging that callers may name", &ServeFlags::upscalers_dir),
      path_flag("taesd", "--taesd", "PATH", "A tiny autoencoder for previews", &ServeFlags::taesd),
      path_flag("styles_file", "--styles-file", "FILE", "The web UI's table of styles, which callers may name", &ServeFlags::styles_file),
      toggle_flag("no_hub", "--no-hub", "Files", "Callers may not name the models in the hub's cache", &ServeFlags::no_hub),
      toggle_flag("allow_downloads", "--allow-downloads", "Files", "Callers may fetch models from the hub", &ServeFlags::allow_downloads),
      {{.name = "data_dir", .flags = {"--data-dir"}, .json = {}, .group = "Files", .value = "FOLDER", .help = "Where the queue and the pictures are kept",
        .default_text = "~/.local/share/imagent"},
       rule::path(&ServeFlags::data_dir)},
      path_flag("serve_html_path", "--serve-html-path", "FILE", "A web page to show in place of the built-in one", &ServeFlags::page),
      toggle_flag("no_ui", "--no-ui", "Files", "No web page", &ServeFlags::no_ui),
      whole_flag("max_queue", "--max-queue", limits, "Jobs that may wait; one more is answered 429", &ServeFlags::max_queue, {.low = 1, .high = 100000}),
      whole_flag("max_pixels", "--max-pixels", limits, "Largest picture, width times height", &ServeFlags::max_pixels, {.low = 4096, .high = 1 << 28}),
      whole_flag("max_body", "--max-body", limits, "Largest request body in MiB", &ServeFlags::max_body, {.low = 1, .high = 1024}),
      whole_flag("timeout", "--timeout", limits, "Seconds in which a request body has to arrive", &ServeFlags::timeout, {.low = 1, .high = 3600}),
      {{.name = "device", .flags = {"--device"}, .json = {}, .group = machine, .value = "NAME", .help = "Where to compute", .default_text = ""}, device_rule()},
      toggle_flag("low_vram", "--low-vram", machine, "Keep weights off the graphics card where it has no room for them", &ServeFlags::low_vram),
      whole_flag("threads", "--threads", machine, "Threads to compute with; 0 takes all cores", &ServeFlags::threads, {.low = 0, .high = 1024}),
      whole_flag("batch", "--batch", machine, "Most pictures of several jobs drawn in one call of the model; 1: one job at a time", &ServeFlags::batch, {.low = 1, .high = 64}),
      toggle_flag("quiet", "--quiet", "Terminal", "Say nothing but errors", &ServeFlags::quiet),
  };
  return fields;
}

server::ServeOptions options_of(const ServeFlags& f) {
  server::ServeOptions options;
  options.http = {.host = f.host, .port = f.port, .api_auth = f.api_auth, .api_key = f.api_key, .cors = f.cors, .tls_certificate = f.tls_cert, .tls_key = f.tls_key};
  options.http.limits.body = std::chrono::seconds(f.timeout);
  options.http.limits.body_bytes = static_cast<size_t>(f.max_body) << 20;
  options.data_folder = f.data_dir.empty() ? server::default_data_folder() : std::filesystem::path(f.data_dir);
  options.places = {.models = f.models_dir, .loras = f.lora_dir, .embeddings = f.embeddings_dir, .vaes = f.vae_dir, .controls = f.controlnet_dir,
                    .upscalers = f.upscalers_dir, .taesd = f.taesd, .styles = f.styles_file};
  if (!f.no_hub) options.places.hub = hub_settings();
  options.allow_downloads = f.allow_downloads;
  options.queue.max_waiting = f.max_queue;
  options.limits.max_pixels = f.max_pixels;
  options.engine.device = f.device;
  options.engine.threads = f.threads;
  options.engine.low_vram = f.low_vram;
  options.engine.shared_pictures = f.batch;
  options.jobs_at_once = f.batch + f.batch / 2;  // some are read or stored meanwhile, and a UNet call stays full
  options.page = f.page;
  options.no_page = f.no_ui;
  return options;
}

// A connection is an open file: as many as the system grants, which starts programs with fewer.
void allow_connections() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

int run_serve(const Arguments& arguments) {
  GivenValues given = arguments.given;
  add_environment(given, infos(serve_fields()), [](const char* name) { return std::getenv(name); });
  ServeFlags flags;
  apply(flags, serve_fields(), given);
  check(flags.tls_cert.empty() == flags.tls_key.empty(), ErrorKind::usage, "--tls-cert and --tls-key: both or none");
  check(!flags.no_hub || !flags.allow_downloads, ErrorKind::usage, "--allow-downloads and --no-hub: what is fetched lies in the hub's cache");
  for (const std::string& file : {flags.taesd, flags.styles_file})
    check(file.empty() || std::filesystem::exists(file), ErrorKind::usage, "there is no ", file, ": --taesd and --styles-file name what is there");
  check(flags.api_auth.empty() || flags.api_auth.find(':') != std::string::npos, ErrorKind::usage, "--api-auth: should be USER:PASSWORD");
  allocate_from_few_heaps();
  allow_connections();
  server::ImageServer server(options_of(flags));
  const int port = server.start();
  if (!server::is_loopback(flags.host) && flags.api_auth.empty() && flags.api_key.empty())
    write_error(str("imagent: warning: ", flags.host, " is reachable from other machines and nothing is asked of callers; --api-auth or --api-key closes the door\n"));
  if (!flags.quiet)
    write_error(str("listening on ", flags.tls_cert.empty() ? "http://" : "https://", flags.host.find(':') == std::string::npos ? flags.host : "[" + flags.host + "]", ":", port, "\n"));
  while (!interrupted()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  server.stop();
  return 0;
}

}  // namespace

Command serve_command() {
  CommandInfo info = {.name = "serve",
                      .summary = "HTTP server and web page",
                      .positional = "",
                      .positional_hint = "",
                      .max_positional = 0,
                      .epilogue = "It speaks imagent's own API, the AUTOMATIC1111 web UI's, OpenAI's image API and stable-diffusion.cpp's (docs/server.md);\n"
                                  "http://127.0.0.1:7860/docs lists all routes. Every flag is also an environment variable (IMAGENT_PORT=8000).\n\n"
                                  "Examples:\n"
                                  "  imagent serve\n"
                                  "  imagent serve --host 0.0.0.0 --api-key \"$KEY\" --models-dir ~/models\n"};
  return {std::move(info), "", infos(serve_fields()), run_serve};
}

}  // namespace imagent
