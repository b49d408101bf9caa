// Addresses by libcurl's parser, so that what is checked is what is connected to.
#include "hub/url.h"

#include <curl/curl.h>

#include <memory>

#include "base/str.h"

namespace imagent {
namespace {

constexpr size_t longest_url = 16384;

using Url = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

std::string part(const Url& url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), which, &text, flags) != CURLUE_OK) return "";
  const std::unique_ptr<char, decltype(&curl_free)> owner(text, curl_free);
  return text;
}

bool is_web(const Url& url) {
  const std::string scheme = part(url, CURLUPART_SCHEME);
  return (scheme == "http" || scheme == "https") && !part(url, CURLUPART_HOST).empty();
}

}  // namespace

std::string percent_quote(std::string_view text, std::string_view keep) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string quoted;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || std::string_view("-._~").find(c) != std::string_view::npos || keep.find(c) != keep.npos) {
      quoted += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      quoted += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return quoted;
}

bool is_relative_url(std::string_view url) {
  if (url.starts_with("//") || url.starts_with("\\") || url.starts_with("/\\")) return false;
  return url.substr(0, url.find_first_of("/?#")).find(':') == url.npos;
}

std::string origin_of(const std::string& url) {
  const Url parsed(curl_url(), curl_url_cleanup);
  if (url.size() > longest_url || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK || !is_web(parsed)) return "";
  return lower_ascii(part(parsed, CURLUPART_SCHEME) + "://" + part(parsed, CURLUPART_HOST)) + ":" + part(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

std::string resolve_url(const std::string& base, const std::string& target) {
  const Url parsed(curl_url(), curl_url_cleanup);
  if (base.size() > longest_url || target.size() > longest_url) return "";
  if (curl_url_set(parsed.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK) return "";
  if (curl_url_set(parsed.get(), CURLUPART_URL, target.c_str(), CURLU_URLENCODE) != CURLUE_OK || !is_web(parsed)) return "";
  return part(parsed, CURLUPART_URL);
}

}  // namespace imagent
