// libcurl's easy interface. Proxies come from the environment, certificates are always verified.
#include "hub/http.h"

#include <curl/curl.h>

#include <cmath>
#include <exception>

#include "base/error.h"
#include "base/version.h"

namespace imagent {
namespace {

constexpr size_t longest_header = 16384, longest_head = 131072;

struct Exchange {
  const HttpRequest& request;
  const std::function<bool()>& cancelled;
  CURL* curl;
  HttpReply reply = {};
  size_t head_bytes = 0;
  std::exception_ptr thrown = nullptr;
};

using Headers = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

// A new status line starts a new head (100 Continue, the answer of a proxy): what came before is dropped.
void take_header(Exchange& exchange, std::string_view line) {
  if (line.starts_with("HTTP/")) {
    exchange.reply.headers.clear();
    curl_easy_getinfo(exchange.curl, CURLINFO_RESPONSE_CODE, &exchange.reply.status);
    return;
  }
  const size_t colon = line.find(':');
  if (colon != line.npos) exchange.reply.headers[lower_ascii(trim(line.substr(0, colon)))] = trim(line.substr(colon + 1));
}

size_t on_header(char* data, size_t, size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  exchange.head_bytes += size;
  if (size > longest_header || exchange.head_bytes > longest_head) {
    exchange.reply.failure = "its header is too long";
    return 0;
  }
  take_header(exchange, {data, size});
  return size;
}

size_t on_body(char* data, size_t, size_t size, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  HttpReply& reply = exchange.reply;
  if (exchange.request.sink && (reply.status == 200 || reply.status == 206)) {
    try {
      exchange.request.sink(reply, {data, size});
      return size;
    } catch (...) {   // must not unwind through C
      exchange.thrown = std::current_exception();
      return size + 1;
    }
  }
  if (size > exchange.request.largest_body - reply.body.size()) {
    reply.failure = str("its answer is larger than ", exchange.request.largest_body >> 10, " KiB");
    return size + 1;
  }
  reply.body.append(data, size);
  return size;
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) { return static_cast<Exchange*>(user)->cancelled() ? 1 : 0; }

bool may_pass(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:    // mostly: no network at all
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_WRITE_ERROR:   // a limit of ours
    case CURLE_OUT_OF_MEMORY: return false;
    default: return true;
  }
}

void set_options(CURL* curl, const HttpRequest& request, const Headers& headers) {
  static const std::string agent = str("imagent/", version);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, agent.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout * 1000));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(std::ceil(request.stall_timeout)));
  if (request.head_only) curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
}

void set_callbacks(CURL* curl, Exchange& exchange) {
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &exchange);
}

}  // namespace

std::string HttpReply::header(const std::string& lower_case_name) const {
  const auto entry = headers.find(lower_case_name);
  return entry == headers.end() ? "" : entry->second;
}

std::optional<uint64_t> HttpReply::number(const std::string& lower_case_name) const {
  long long value = 0;
  return parse_number(header(lower_case_name), value) && value >= 0 ? std::optional<uint64_t>(value) : std::nullopt;
}

struct Http::State {
  std::function<bool()> cancelled;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl{nullptr, curl_easy_cleanup};
};

Http::Http(std::function<bool()> cancelled) : state_(std::make_unique<State>()) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  state_->cancelled = std::move(cancelled);
  state_->curl.reset(curl_easy_init());
  check(ready == CURLE_OK && state_->curl, ErrorKind::hub, "libcurl cannot be started");
}

Http::~Http() = default;

HttpReply Http::perform(const HttpRequest& request) {
  CURL* curl = state_->curl.get();
  curl_easy_reset(curl);   // keeps connections
  Exchange exchange{.request = request, .cancelled = state_->cancelled, .curl = curl};
  Headers headers(nullptr, curl_slist_free_all);
  for (const std::string& line : request.headers) headers.reset(curl_slist_append(headers.release(), line.c_str()));
  char reason[CURL_ERROR_SIZE] = "";
  set_options(curl, request, headers);
  set_callbacks(curl, exchange);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
  const CURLcode code = curl_easy_perform(curl);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
  if (exchange.thrown) std::rethrow_exception(exchange.thrown);
  check(code != CURLE_ABORTED_BY_CALLBACK, ErrorKind::cancelled, "the download was cancelled");
  if (code != CURLE_OK) {
    if (exchange.reply.failure.empty()) exchange.reply.failure = *reason ? reason : curl_easy_strerror(code);
    exchange.reply.may_pass = may_pass(code);
  }
  return std::move(exchange.reply);
}

}  // namespace imagent
