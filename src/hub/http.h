// One HTTP exchange by libcurl: no redirect followed, everything bounded, cancellable.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imagent {

struct HttpReply {
  long status = 0;                               // 0: no answer came
  std::map<std::string, std::string> headers = {};   // names in lower case; the last of several wins
  std::string body = "";                         // where no sink took it
  std::string failure = "";                      // why the exchange broke off (it may have a status all the same); "" = it did not
  bool may_pass = false;                         // the failure is one that another attempt may not meet

  std::string header(const std::string& lower_case_name) const;     // "" when absent
  std::optional<uint64_t> number(const std::string& lower_case_name) const;
  bool is_redirect() const { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }
};

struct HttpRequest {
  std::string url;
  bool head_only = false;
  std::vector<std::string> headers = {};         // "Name: value"
  double timeout = 0;                            // seconds for the whole exchange, 0 = no limit
  double stall_timeout = 10;                     // seconds in which no byte comes
  size_t largest_body = 65536;                   // of what is kept in the reply; more breaks off
  std::function<void(const HttpReply&, std::string_view)> sink = {};   // takes the bodies of 200 and 206 instead; what it throws comes out of perform()
};

// A connection that is kept for the next exchange. One thread at a time.
class Http {
 public:
  explicit Http(std::function<bool()> cancelled);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  // Errors: cancelled. All that the network or the server does wrong is in the reply.
  HttpReply perform(const HttpRequest& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace imagent
