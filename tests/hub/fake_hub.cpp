// Sockets and threads, one connection a request; every wait is bounded.
#include "hub/fake_hub.h"

#include <arpa/inet.h>
#include <openssl/sha.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace imagent::test {
namespace {

std::string hexadecimal(const unsigned char* bytes, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += {"0123456789abcdef"[bytes[i] >> 4], "0123456789abcdef"[bytes[i] & 15]};
  return text;
}

std::string sha256(const std::string& text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return hexadecimal(digest, sizeof digest);
}

std::string git_name(const std::string& content) {
  const std::string text = str("blob ", content.size()) + '\0' + content;
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return hexadecimal(digest, sizeof digest);
}

bool send_all(int connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

// Appends what comes until `enough`; false when the other side is silent or gone before.
bool receive(int connection, std::string& text, const std::function<bool()>& enough) {
  char piece[4096];
  while (text.size() < 1 << 20 && !enough()) {
    const ssize_t count = ::recv(connection, piece, sizeof piece, 0);
    if (count <= 0) return false;
    text.append(piece, static_cast<size_t>(count));
  }
  return enough();
}

FakeRequest parse(const std::string& head, bool content_network) {
  FakeRequest request{.content_network = content_network, .method = {}, .target = {}, .headers = {}};
  const std::vector<std::string_view> lines = split(head, '\n'), first = split(lines[0], ' ');
  request.method = first[0];
  request.target = first.size() > 1 ? first[1] : "";
  for (size_t i = 1; i < lines.size(); ++i) {
    const size_t colon = lines[i].find(':');
    if (colon != lines[i].npos) request.headers[lower_ascii(lines[i].substr(0, colon))] = trim(lines[i].substr(colon + 1));
  }
  return request;
}

// Head and, as Content-Length says, body. Nothing when the connection ends before.
std::optional<FakeRequest> read_request(int connection, bool content_network) {
  std::string text;
  if (!receive(connection, text, [&] { return text.find("\r\n\r\n") != text.npos; })) return std::nullopt;
  const size_t head = text.find("\r\n\r\n") + 4;
  FakeRequest request = parse(text.substr(0, head), content_network);
  long long length = 0;
  if (request.headers.contains("content-length")) parse_number(request.headers.at("content-length"), length);
  if (!receive(connection, text, [&] { return text.size() >= head + static_cast<size_t>(length); })) return std::nullopt;
  request.body = text.substr(head);
  return request;
}

// The part that a Range header asks for: "bytes=N-" or "bytes=N-M".
FakeReply part_of(const std::string& content, const FakeRequest& request) {
  const auto range = request.headers.find("range");
  if (range == request.headers.end()) return {.body = content};
  const std::string_view text = std::string_view(range->second).substr(range->second.find('=') + 1);
  const auto size = static_cast<long long>(content.size());
  const size_t dash = text.find('-');
  long long from = 0, to = size - 1;
  if (dash == text.npos || !parse_number(text.substr(0, dash), from) || (dash + 1 < text.size() && !parse_number(text.substr(dash + 1), to))) return {.status = 400};
  if (from >= size) return {.status = 416, .headers = {{"Content-Range", str("bytes */", size)}}};
  to = std::min(to, size - 1);
  return {.status = 206, .headers = {{"Content-Range", str("bytes ", from, "-", to, "/", size)}}, .body = content.substr(static_cast<size_t>(from), static_cast<size_t>(to - from + 1))};
}

FakeReply not_found(const std::string& code) { return {.status = 404, .headers = {{"X-Error-Code", code}, {"X-Error-Message", code + " (said the hub)"}}}; }

}  // namespace

FakeHub::FakeHub() {
  open(api_, false);
  open(content_, true);
}

FakeHub::~FakeHub() {
  stop_ = true;
  for (Port* port : {&api_, &content_}) {
    port->acceptor.join();
    ::close(port->descriptor);
  }
  for (std::thread& thread : connections_) thread.join();
}

void FakeHub::open(Port& port, bool content_network) {
  port.descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const bool listening = ::bind(port.descriptor, generic, size) == 0 && ::listen(port.descriptor, 64) == 0 && ::getsockname(port.descriptor, generic, &size) == 0;
  check(listening, "the fake hub has no port");
  port.number = ntohs(address.sin_port);
  port.acceptor = std::thread([this, content_network, descriptor = port.descriptor] { accept_on(descriptor, content_network); });
}

std::string FakeHub::address(const Port& port) { return str("http://127.0.0.1:", port.number); }

void FakeHub::accept_on(int descriptor, bool content_network) {
  while (!stop_) {
    pollfd waiting{.fd = descriptor, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, 20) <= 0) continue;
    const int connection = ::accept4(descriptor, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    const timeval limit{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    const std::lock_guard guard(mutex_);
    connections_.emplace_back([this, connection, content_network] { serve(connection, content_network); });
  }
}

void FakeHub::serve(int connection, bool content_network) {
  if (const auto request = read_request(connection, content_network)) {
    {
      const std::lock_guard guard(mutex_);
      requests_.push_back(*request);
    }
    FakeReply reply = answer(*request);
    if (tamper) tamper(*request, reply);
    send(connection, *request, reply);
    ::shutdown(connection, SHUT_WR);
  }
  ::close(connection);
}

void FakeHub::send(int connection, const FakeRequest& request, const FakeReply& reply) const {
  std::string head = str("HTTP/1.1 ", reply.status, " Answer\r\nConnection: close\r\n");
  std::map<std::string, std::string> headers = reply.headers;
  headers.emplace("Content-Length", std::to_string(reply.body.size()));
  for (const auto& [name, value] : headers) head += name + ": " + value + "\r\n";
  if (!send_all(connection, head + "\r\n") || request.method == "HEAD") return;
  const std::string_view body = std::string_view(reply.body).substr(0, reply.cut_after);
  if (reply.pause == 0) {
    send_all(connection, body);
    return;
  }
  for (size_t at = 0; at < body.size() && !stop_; at += 1000) {
    std::this_thread::sleep_for(std::chrono::duration<double>(reply.pause));
    if (!send_all(connection, body.substr(at, 1000))) return;
  }
}

FakeReply FakeHub::answer(const FakeRequest& request) const {
  if (request.content_network) return answer_content(request);
  if (request.target.starts_with("/api/models/org/model/")) return answer_api(request);
  for (const std::string revision : {commit, "main"})
    if (const std::string resolve = "/org/model/resolve/" + revision + "/"; request.target.starts_with(resolve)) return answer_resolve(request, request.target.substr(resolve.size()));
  return not_found("RepoNotFound");
}

// /api/models/org/model/WHAT/REVISION?...
FakeReply FakeHub::answer_api(const FakeRequest& request) const {
  const std::string path = request.target.substr(0, request.target.find('?'));
  const std::vector<std::string_view> parts = split(path, '/');
  const std::string_view what = parts[5], revision = parts.size() == 7 ? parts[6] : "";
  if (revision != "main" && revision != commit && revision != "refs%2Fpr%2F1") return not_found("RevisionNotFound");
  if (what == "revision") return answer_list();
  if (what == "tree") return answer_tree();
  return what == "paths-info" ? answer_paths(request.body) : not_found("RepoNotFound");
}

FakeReply FakeHub::answer_list() const {
  nlohmann::json files = nlohmann::json::array();
  for (const auto& [path, file] : files_) files.push_back({{"rfilename", path}, {"size", file.content.size()}, {"blobId", file.git_name}});
  return {.body = nlohmann::json{{"_id", "0"}, {"id", "org/model"}, {"sha", commit}, {"siblings", files}}.dump()};
}

nlohmann::json FakeHub::entry_of(const std::string& path, const File& file) {
  nlohmann::json entry = {{"type", "file"}, {"path", path}, {"size", file.content.size()}, {"oid", file.git_name}};
  if (file.large) entry["lfs"] = {{"oid", file.sha256}, {"size", file.content.size()}, {"pointerSize", 134}};
  return entry;
}

FakeReply FakeHub::answer_tree() const {
  nlohmann::json entries = nlohmann::json::array();
  for (const auto& [path, file] : files_) entries.push_back(entry_of(path, file));
  return {.body = entries.dump()};
}

FakeReply FakeHub::answer_paths(const std::string& body) const {
  const nlohmann::json asked = nlohmann::json::parse(body, nullptr, false);
  nlohmann::json entries = nlohmann::json::array();
  if (asked.is_object())
    for (const auto& path : asked.value("paths", nlohmann::json::array()))
      if (const auto found = files_.find(path.get<std::string>()); found != files_.end()) entries.push_back(entry_of(found->first, found->second));
  return {.body = entries.dump()};
}

FakeReply FakeHub::answer_resolve(const FakeRequest& request, const std::string& path) const {
  const auto found = files_.find(path);
  if (found == files_.end()) return not_found("EntryNotFound");
  const File& file = found->second;
  if (!file.large) {
    FakeReply reply = part_of(file.content, request);
    reply.headers.insert({{"X-Repo-Commit", commit}, {"ETag", "W/\"" + file.git_name + "\""}});
    return reply;
  }
  return {.status = 302,
          .headers = {{"X-Repo-Commit", commit},
                      {"ETag", "\"something-else\""},
                      {"X-Linked-Etag", "\"" + file.sha256 + "\""},
                      {"X-Linked-Size", std::to_string(file.content.size())},
                      {"Location", content_address() + "/" + file.sha256 + "?signature=1"}}};
}

FakeReply FakeHub::answer_content(const FakeRequest& request) const {
  for (const auto& [path, file] : files_) {
    if (!request.target.starts_with("/" + file.sha256)) continue;
    FakeReply reply = part_of(file.content, request);
    reply.headers["ETag"] = "\"of-the-content-network\"";
    return reply;
  }
  return {.status = 404};
}

void FakeHub::add_folder(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) add(entry.path().lexically_relative(folder).string(), read_bytes(entry.path()), entry.path().extension() == ".safetensors");
}

void FakeHub::add(const std::string& path, const std::string& content, bool large) { files_[path] = {content, sha256(content), git_name(content), large}; }

void FakeHub::add_pipeline() {
  add("model_index.json", R"({"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
      "text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"], "safety_checker": [null, null]})");
  add("scheduler/scheduler_config.json", "{}");
  add("tokenizer/vocab.json", "{}");
  add("tokenizer/merges.txt", "#version: 0.2\n");
  add("text_encoder/config.json", "{}");
  add("unet/config.json", R"({"in_channels": 4, "cross_attention_dim": 768})");
  add("vae/config.json", "{}");
  add("text_encoder/model.safetensors", some_bytes(20000), true);
  add("unet/diffusion_pytorch_model.safetensors", some_bytes(200000), true);
  add("vae/diffusion_pytorch_model.safetensors", some_bytes(30000), true);
  add("README.md", "not needed");
  add("safety_checker/model.safetensors", some_bytes(1000), true);
}

HubSettings FakeHub::settings(const std::filesystem::path& cache) const { return {.cache = cache, .endpoint = endpoint(), .metadata_timeout = 5, .download_timeout = 2}; }

std::vector<FakeRequest> FakeHub::requests() const {
  const std::lock_guard guard(mutex_);
  return requests_;
}

size_t FakeHub::count(const std::string& method, const std::string& part_of_target) const {
  const std::vector<FakeRequest> all = requests();
  return static_cast<size_t>(std::count_if(all.begin(), all.end(), [&](const FakeRequest& request) { return request.method == method && request.target.find(part_of_target) != std::string::npos; }));
}

TemporaryFolder::TemporaryFolder() {
  std::string name = std::filesystem::temp_directory_path() / "imagent-hub-XXXXXX";
  check(::mkdtemp(name.data()) != nullptr, "no temporary folder");
  path = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code error;
  std::filesystem::remove_all(path, error);
}

Clock FakeClock::clock() {
  return {.now = [this] { return slept_.load(); },
          .sleep = [this](double seconds) {
            const std::lock_guard guard(mutex_);
            slept_ = slept_ + seconds;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));   // whoever is waited for needs a processor
          }};
}

std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string some_bytes(size_t count) {
  std::string bytes;
  uint32_t state = static_cast<uint32_t>(count) | 1;
  while (bytes.size() < count) bytes += static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

Error pull_error(const HubSettings& settings, const std::string& repository, const PullOptions& options) {
  try {
    pull_model(settings, repository, options);
  } catch (const Error& error) {
    return Error(error.kind, error.text);
  }
  return {ErrorKind::internal, "nothing was thrown"};
}

}  // namespace imagent::test
