// Secrets, compared by their digests: equal length, constant time.
#include "server/secrets.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>

#include "base/error.h"
#include "server/base64.h"

namespace imagent::server {

static std::array<unsigned char, 32> digest_of(const std::string& text) {
  std::array<unsigned char, 32> digest{};
  unsigned int size = digest.size();
  check(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1, "SHA-256 failed");
  return digest;
}

bool same_secret(const std::string& given, const std::string& right) {
  const auto a = digest_of(given), b = digest_of(right);
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0 && !right.empty();
}

bool opens(const std::string& authorization, const std::string& user_and_password, const std::string& key) {
  const size_t blank = authorization.find(' ');
  if (blank == std::string::npos) return false;
  const std::string scheme = lower_ascii(authorization.substr(0, blank)), rest(trim(std::string_view(authorization).substr(blank)));
  if (scheme == "bearer") return same_secret(rest, key);
  if (scheme != "basic") return false;
  try {
    const std::vector<uint8_t> decoded = base64_decode(rest, "Authorization");
    return same_secret(std::string(decoded.begin(), decoded.end()), user_and_password);
  } catch (const Error&) {
    return false;
  }
}

}  // namespace imagent::server
