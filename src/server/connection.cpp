// A connection: poll, recv, send, and OpenSSL's versions of them.
#include "server/connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace imagent::server {

constexpr auto slice = std::chrono::milliseconds(200);  // how soon a waiting thread sees that the server stops

Connection*& Connection::current() {
  static thread_local Connection* connection = nullptr;
  return connection;
}

Connection::Connection(int socket, SSL_CTX* tls, const ConnectionLimits& limits, const std::atomic<bool>& stopping)
    : socket_(socket), limits_(limits), stopping_(stopping), deadline_(Clock::now() + limits.idle), budget_(limits.head_bytes) {
  current() = this;
  fcntl(socket_, F_SETFL, fcntl(socket_, F_GETFL, 0) | O_NONBLOCK);
  fcntl(socket_, F_SETFD, FD_CLOEXEC);
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (tls && (tls_ = SSL_new(tls))) {
    SSL_set_fd(tls_, socket_);
    SSL_set_accept_state(tls_);
  }
  closed_ = tls && !tls_;
}

Connection::~Connection() {
  current() = nullptr;
  if (tls_) {
    if (!closed_) SSL_shutdown(tls_);
    SSL_free(tls_);
  }
  shutdown(socket_, SHUT_WR);
  // What the caller still sends is taken for a moment: closing with unread bytes would reset the connection and lose our answer.
  char rest[4096];
  const auto until = Clock::now() + std::chrono::seconds(1);
  while (closes_ && !out_of_time_ && wait(POLLIN, until) && recv(socket_, rest, sizeof rest, 0) > 0) {
  }
  close(socket_);
}

bool Connection::wait(short events, Clock::time_point until) const {
  while (!stopping_) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    if (left.count() <= 0) return false;
    pollfd entry{socket_, events, 0};
    const int ready = poll(&entry, 1, static_cast<int>(std::min(left, slice).count()) + 1);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
  return false;
}

bool Connection::wait_for_request() {
  if (begin_ < end_) return true;
  return !closed_ && wait(POLLIN, Clock::now() + limits_.idle) && !caller_gone();
}

void Connection::begin_request() {
  deadline_ = Clock::now() + limits_.head;
  budget_ = limits_.head_bytes;
}
void Connection::begin_body() {
  deadline_ = Clock::now() + limits_.body;
  budget_ = limits_.body_bytes;
}

bool Connection::caller_gone() {
  if (closed_) return true;
  char byte;
  const ssize_t got = recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

ssize_t Connection::receive() {
  while (!closed_) {
    const ssize_t got = tls_ ? SSL_read(tls_, buffer_.data(), static_cast<int>(buffer_.size())) : recv(socket_, buffer_.data(), buffer_.size(), 0);
    if (got > 0) return got;
    short events = POLLIN;
    if (tls_) {
      const int reason = SSL_get_error(tls_, static_cast<int>(got));
      if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) break;
      if (reason == SSL_ERROR_WANT_WRITE) events = POLLOUT;
    } else if (got == 0) {
      return -1;  // the caller says no more, and may still listen
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
      break;
    }
    if (!wait(events, deadline_)) {
      out_of_time_ = true;
      return -1;
    }
  }
  closed_ = true;
  return -1;
}

ssize_t Connection::read(char* data, size_t size) {
  if (begin_ == end_) {
    if (out_of_time_ || too_large_) return -1;
    const ssize_t got = receive();
    if (got <= 0) return -1;
    begin_ = 0;
    end_ = static_cast<size_t>(got);
  }
  if (Clock::now() > deadline_) {
    out_of_time_ = true;
    return -1;
  }
  const size_t count = std::min(size, end_ - begin_);
  if (count > budget_) {
    too_large_ = true;
    return -1;
  }
  budget_ -= count;
  std::memcpy(data, buffer_.data() + begin_, count);
  begin_ += count;
  return static_cast<ssize_t>(count);
}

bool Connection::is_writable() const { return !closed_ && !stopping_; }

ssize_t Connection::send_some(const char* data, size_t size) {
  const auto until = Clock::now() + limits_.write;
  while (!closed_) {
    const ssize_t sent = tls_ ? SSL_write(tls_, data, static_cast<int>(std::min<size_t>(size, 1 << 30))) : send(socket_, data, size, MSG_NOSIGNAL);
    if (sent > 0) return sent;
    short events = POLLOUT;
    if (tls_) {
      const int reason = SSL_get_error(tls_, static_cast<int>(sent));
      if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) break;
      if (reason == SSL_ERROR_WANT_READ) events = POLLIN;
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
      break;
    }
    if (!wait(events, until)) break;
  }
  closed_ = true;
  return -1;
}

ssize_t Connection::write(const char* data, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t sent = send_some(data + done, size - done);
    if (sent < 0) return -1;
    done += static_cast<size_t>(sent);
  }
  return static_cast<ssize_t>(size);
}

static void name_of_end(const sockaddr_storage& address, socklen_t length, std::string& ip, int& port) {
  char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "";
  getnameinfo(reinterpret_cast<const sockaddr*>(&address), length, host, sizeof host, service, sizeof service, NI_NUMERICHOST | NI_NUMERICSERV);
  ip = host;
  port = std::atoi(service);
}
void Connection::get_remote_ip_and_port(std::string& ip, int& port) const {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getpeername(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0) name_of_end(address, length, ip, port);
}
void Connection::get_local_ip_and_port(std::string& ip, int& port) const {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0) name_of_end(address, length, ip, port);
}

}  // namespace imagent::server
