// The HTTP server: what is checked before a handler runs, and what becomes of its errors.
#include "server/http_server.h"

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>

#include "server/connection_threads.h"
#include "server/queue.h"
#include "server/secrets.h"

namespace imagent::server {

constexpr size_t longest_path = 2048;
constexpr int requests_per_connection = 10000;

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

static SSL_CTX* make_tls(const HttpOptions& options) {
  if (options.tls_certificate.empty()) return nullptr;
  SSL_CTX* tls = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
  SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (SSL_CTX_use_certificate_chain_file(tls, options.tls_certificate.c_str()) == 1 &&
      SSL_CTX_use_PrivateKey_file(tls, options.tls_key.c_str(), SSL_FILETYPE_PEM) == 1)
    return tls;
  SSL_CTX_free(tls);
  fail(ErrorKind::usage, "--tls-cert ", options.tls_certificate, " and --tls-key ", options.tls_key, ": should be a certificate and its key in PEM files");
}

HttpServer::HttpServer(HttpOptions options, const Router& router) : options_(std::move(options)), router_(router), loopback_(is_loopback(options_.host)) {
  tls_ = make_tls(options_);
  new_task_queue = [this] { return new ConnectionThreads(options_.max_connections); };
  set_socket_options([](socket_t socket) {
    const int on = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);  // not SO_REUSEPORT: a port that is taken is an error
  });
  set_pre_routing_handler([this](const auto& request, auto& response) { return check_request(request, response); });
  set_error_handler([this](const httplib::Request& request, httplib::Response& response) { complete_error(request, response); });
  const Handler any = [this](const httplib::Request& request, httplib::Response& response) { handle(request, response); };
  Get(".*", any).Post(".*", any).Put(".*", any).Patch(".*", any).Delete(".*", any);
}

HttpServer::~HttpServer() { SSL_CTX_free(tls_); }

int HttpServer::bind() {
  errno = 0;
  const int port = options_.port == 0 ? bind_to_any_port(options_.host) : bind_to_port(options_.host, options_.port) ? options_.port : -1;
  check(port > 0, ErrorKind::io, "cannot listen on ", options_.host, " port ", options_.port, ": ", errno ? std::strerror(errno) : "no such address",
        "; --port chooses another");
  ::listen(svr_sock_, 512);  // the library's own backlog of 5 refuses bursts
  return port;
}

void HttpServer::serve() { listen_after_bind(); }
void HttpServer::end() {
  stopping_ = true;
  stop();
}

bool HttpServer::process_and_close_socket(socket_t socket) {
  Connection connection(socket, tls_, options_.limits, stopping_);
  for (int served = 0; served < requests_per_connection && connection.wait_for_request(); ++served) {
    connection.begin_request();
    bool last = false;
    const auto prepare = [&](httplib::Request& request) {
      request.ranges.clear();                      // thousands of ranges of one body would be a way to make us send gigabytes
      request.headers.erase("Accept-Encoding");    // pictures do not get smaller by gzip
      const bool has_length = request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
      if (!has_length) request.headers.emplace("Content-Length", "0");  // else the library reads on until the caller hangs up
      connection.begin_body();
    };
    if (!process_request(connection, false, last, prepare) || last || connection.closes()) break;
  }
  return true;
}

// A foreign page may not use the browser of somebody who can reach us: neither by asking across origins nor by having its own
// name point to this address (DNS rebinding).
void HttpServer::check_sender(const httplib::Request& request) const {
  const std::string host = request.get_header_value("Host"), origin = request.get_header_value("Origin");
  const size_t port = host.rfind(':');
  const std::string name = host.ends_with("]") || port == std::string::npos ? host : host.substr(0, port);
  const bool numbers = name.starts_with("[") || name.find_first_not_of("0123456789.") == std::string::npos;
  const bool local = numbers || name.find('.') == std::string::npos || name.ends_with(".localhost") || name.ends_with(".local") || name.ends_with(".internal");
  const bool key = !options_.api_auth.empty() || !options_.api_key.empty();
  if (loopback_ && !key && !local)
    throw HttpError{403, "host", str("this server answers to its own address only, not to \"", name.substr(0, 100), "\"")};
  if (origin.empty() || options_.cors == "*" || origin == options_.cors || origin == "http://" + host || origin == "https://" + host) return;
  throw HttpError{403, "origin", str("pages of ", origin.substr(0, 100), " may not call this server (--cors ORIGIN allows one)")};
}

bool HttpServer::authorised(const httplib::Request& request) const {
  if (options_.api_auth.empty() && options_.api_key.empty()) return true;
  return opens(request.get_header_value("Authorization"), options_.api_auth, options_.api_key);
}

bool HttpServer::add_cors(const httplib::Request& request, httplib::Response& response) const {
  const std::string origin = request.get_header_value("Origin");
  if (origin.empty() || options_.cors.empty() || (options_.cors != "*" && origin != options_.cors)) return false;
  response.set_header("Access-Control-Allow-Origin", options_.cors);
  response.set_header("Vary", "Origin");
  return true;
}

HttpServer::HandlerResponse HttpServer::check_request(const httplib::Request& request, httplib::Response& response) {
  try {
    if (request.path.size() > longest_path) throw HttpError{414, "too_large", str("the path has more than ", longest_path, " bytes")};
    const std::string encoding = request.get_header_value("Content-Encoding");
    if (!encoding.empty() && encoding != "identity") throw HttpError{415, "unsupported", "Content-Encoding: bodies are taken as they are, not compressed"};
    check_sender(request);
    const bool cors = add_cors(request, response);
    const Router::Match match = router_.find(request.method, request.path);
    if (!match.route && match.methods.empty()) throw HttpError{404, "not_found", "Not Found"};
    if (cors && request.method == "OPTIONS") {
      response.set_header("Access-Control-Allow-Methods", join(match.methods, ", "));
      response.set_header("Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID, X-Client-Id");
      response.set_header("Access-Control-Max-Age", "600");
      response.status = 204;
      return HandlerResponse::Handled;
    }
    if (!match.route) {
      response.set_header("Allow", join(match.methods, ", "));
      throw HttpError{405, "method", "Method Not Allowed"};
    }
    if (!match.route->open && !authorised(request)) {
      response.set_header("WWW-Authenticate", options_.api_auth.empty() ? "Bearer realm=\"imagent\"" : "Basic realm=\"imagent\"");
      throw HttpError{401, "auth", "Incorrect username or password, or no key: Authorization is missing or wrong"};
    }
    long long length = 0;
    if (!parse_number(request.get_header_value("Content-Length"), length) && !request.has_header("Transfer-Encoding"))
      throw HttpError{400, "usage", "Content-Length should be a number"};
    if (length < 0 || static_cast<unsigned long long>(length) > options_.limits.body_bytes)
      throw HttpError{413, "too_large", str("the body has ", length, " bytes, at most ", options_.limits.body_bytes, " are taken")};
    return HandlerResponse::Unhandled;
  } catch (const HttpError& error) {
    refuse(request, response, error);
    if (Connection* connection = Connection::current()) connection->close_after_answer();  // a body may be on its way
    response.set_header("Connection", "close");
    return HandlerResponse::Handled;
  }
}

void HttpServer::refuse(const httplib::Request& request, httplib::Response& response, const HttpError& given) const {
  const Router::Match match = router_.find(request.method, request.path);
  const Dialect dialect = match.route ? match.route->dialect : dialect_of(request.path);
  const HttpError error = in_dialect(dialect, given);
  response.status = error.status;
  response.body.clear();
  if (error.retry_after_s > 0) response.set_header("Retry-After", std::to_string(error.retry_after_s));
  if (dialect == Dialect::openai && error.status >= 500) response.set_header("x-should-retry", "false");
  const nlohmann::ordered_json body = error_body(dialect, error);
  response.set_content(body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace), "application/json");
}

// What the library itself refused, before or while it read the body.
void HttpServer::complete_error(const httplib::Request& request, httplib::Response& response) const {
  const Connection* connection = Connection::current();
  if (!response.body.empty()) return;
  HttpError error{response.status, "usage", "the request is not HTTP that this server understands"};
  if (connection && connection->too_large()) error = {413, "too_large", "headers or body are too large"};
  if (connection && connection->out_of_time()) error = {408, "timeout", "the request took too long to arrive"};
  refuse(request, response, error);
  response.set_header("Connection", "close");
  if (connection) Connection::current()->close_after_answer();
}

// The failure of a handler as an HttpError; called in a catch block.
static HttpError current_failure() {
  try {
    throw;
  } catch (const HttpError& error) {
    return error;
  } catch (const Error& error) {
    return http_error(error);
  } catch (const QueueFull& full) {
    return {.status = 429, .kind = "busy", .text = str("the queue is full: ", full.waiting, " jobs wait already"), .retry_after_s = full.retry_after_s};
  } catch (const nlohmann::json::exception& error) {
    return {400, "usage", str("the body has a value of the wrong type: ", error.what())};
  } catch (const std::bad_alloc&) {
    return {503, "memory", "not enough memory for this request"};
  } catch (const std::exception& error) {
    return {500, "internal", str("internal error: ", error.what())};
  }
}

void HttpServer::handle(const httplib::Request& request, httplib::Response& response) {
  const auto start = std::chrono::steady_clock::now();
  const Router::Match match = router_.find(request.method, request.path);
  const std::string id = request.get_header_value("X-Client-Id");
  Call call{request, response, match.route->dialect, match.path, id.empty() ? request.remote_addr : id.substr(0, 100)};
  try {
    match.route->handler(call);
  } catch (...) {
    refuse(request, response, current_failure());
  }
  response.set_header("X-Process-Time", std::to_string(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()));
  response.set_header("X-Content-Type-Options", "nosniff");
}

}  // namespace imagent::server
