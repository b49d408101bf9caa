// The HTTP side: accepts connections, checks every request (size, time, host, origin, key) and hands it to its route.
#pragma once
#include <httplib.h>

#include <memory>
#include <string>

#include "server/connection.h"
#include "server/router.h"

namespace imagent::server {

struct HttpOptions {
  std::string host = "127.0.0.1";
  int port = 7860;                    // 0: any free one
  std::string api_auth = {};          // "user:password" for Basic; "": none
  std::string api_key = {};           // for Bearer; "": none
  std::string cors = {};              // the origin whose pages may call, "*" for any; "": only our own page
  std::string tls_certificate = {}, tls_key = {};  // PEM files; "": plain HTTP
  size_t max_connections = 1536;
  ConnectionLimits limits = {};
};

class HttpServer : public httplib::Server {
 public:
  HttpServer(HttpOptions options, const Router& router);
  ~HttpServer() override;

  int bind();                         // the port. Errors: io, when it is taken
  void serve();                       // until end(); then no handler runs any more
  void end();                         // by any thread
  bool stopping() const { return stopping_; }

 private:
  bool process_and_close_socket(socket_t socket) override;
  HandlerResponse check_request(const httplib::Request& request, httplib::Response& response);
  void handle(const httplib::Request& request, httplib::Response& response);
  void refuse(const httplib::Request& request, httplib::Response& response, const HttpError& error) const;
  void complete_error(const httplib::Request& request, httplib::Response& response) const;
  bool authorised(const httplib::Request& request) const;
  bool add_cors(const httplib::Request& request, httplib::Response& response) const;
  void check_sender(const httplib::Request& request) const;

  const HttpOptions options_;
  const Router& router_;
  SSL_CTX* tls_ = nullptr;
  bool loopback_ = true;
  std::atomic<bool> stopping_ = false;
};

bool is_loopback(const std::string& host);

}  // namespace imagent::server
