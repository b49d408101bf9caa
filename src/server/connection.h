// One accepted connection as the HTTP library's stream: buffered, with limits on the time and size of head and body,
// and able to tell whether the caller is still there. Plain or TLS.
#pragma once
#include <httplib.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>

namespace imagent::server {

struct ConnectionLimits {
  std::chrono::milliseconds head{10000};     // for the whole request line and headers, from their first byte
  std::chrono::milliseconds body{120000};    // for a whole body
  std::chrono::milliseconds idle{15000};     // between requests, and for the first one
  std::chrono::milliseconds write{30000};    // in which the caller takes nothing
  size_t head_bytes = 64 << 10;
  size_t body_bytes = 64 << 20;
};

class Connection : public httplib::Stream {
 public:
  // Takes the socket; `tls` may be null.
  Connection(int socket, SSL_CTX* tls, const ConnectionLimits& limits, const std::atomic<bool>& stopping);
  ~Connection() override;

  bool wait_for_request();                   // false: closed, idle for too long, or the server stops
  void begin_request();                      // limits of the head count from here
  void begin_body();                         // limits of the body count from here
  bool caller_gone();                        // has closed; what it may have sent is kept
  void close_after_answer() { closes_ = true; }
  bool closes() const { return closes_; }
  bool too_large() const { return too_large_; }
  bool out_of_time() const { return out_of_time_; }

  bool is_readable() const override { return true; }
  bool is_writable() const override;
  ssize_t read(char* data, size_t size) override;
  ssize_t write(const char* data, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return -1; }  // the library refuses numbers that select() cannot take, and needs it for nothing else

  // The connection that the calling thread serves.
  static Connection*& current();

 private:
  using Clock = std::chrono::steady_clock;
  bool wait(short events, Clock::time_point until) const;
  ssize_t receive();
  ssize_t send_some(const char* data, size_t size);

  int socket_;
  SSL* tls_ = nullptr;
  const ConnectionLimits& limits_;
  const std::atomic<bool>& stopping_;
  std::array<char, 16384> buffer_;
  size_t begin_ = 0, end_ = 0;
  Clock::time_point deadline_;
  size_t budget_ = 0;                        // bytes that may still come before the limit
  bool too_large_ = false, out_of_time_ = false, closed_ = false, closes_ = false;
};

}  // namespace imagent::server
