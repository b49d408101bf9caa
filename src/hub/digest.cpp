// Hashes by OpenSSL's EVP interface, read in 1 MiB pieces.
#include "hub/digest.h"

#include <openssl/evp.h>

#include <cstdio>
#include <memory>
#include <vector>

#include "base/error.h"

namespace imagent {
namespace {

class Digest {
 public:
  explicit Digest(const EVP_MD* algorithm) : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    check(context_ && EVP_DigestInit_ex(context_.get(), algorithm, nullptr) == 1, "libcrypto cannot start a hash");
  }
  void add(const void* data, size_t size) { check(EVP_DigestUpdate(context_.get(), data, size) == 1, "libcrypto cannot go on with a hash"); }
  std::string hexadecimal() {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    check(EVP_DigestFinal_ex(context_.get(), bytes, &size) == 1, "libcrypto cannot end a hash");
    std::string text;
    for (unsigned i = 0; i < size; ++i) text += {"0123456789abcdef"[bytes[i] >> 4], "0123456789abcdef"[bytes[i] & 15]};
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

void add_file(Digest& digest, const std::filesystem::path& path, const Cancelled& cancelled) {
  const std::unique_ptr<std::FILE, decltype(&std::fclose)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  check(file != nullptr, ErrorKind::io, "cannot read ", path.string());
  std::vector<unsigned char> piece(size_t{1} << 20);
  while (const size_t count = std::fread(piece.data(), 1, piece.size(), file.get())) {
    check(!cancelled || !cancelled(), ErrorKind::cancelled, "the check of ", path.string(), " was cancelled");
    digest.add(piece.data(), count);
  }
  check(!std::ferror(file.get()), ErrorKind::io, "cannot read ", path.string());
}

}  // namespace

std::string sha256_of_file(const std::filesystem::path& path, const Cancelled& cancelled) {
  Digest digest(EVP_sha256());
  add_file(digest, path, cancelled);
  return digest.hexadecimal();
}

static std::string hash_of(const EVP_MD* algorithm, std::span<const std::byte> bytes) {
  Digest digest(algorithm);
  digest.add(bytes.data(), bytes.size());
  return digest.hexadecimal();
}

std::string sha256_of(std::span<const std::byte> bytes) { return hash_of(EVP_sha256(), bytes); }
std::string md5_of(std::span<const std::byte> bytes) { return hash_of(EVP_md5(), bytes); }

std::string git_name_of_file(const std::filesystem::path& path, const Cancelled& cancelled) {
  std::error_code error;
  const std::string head = str("blob ", std::filesystem::file_size(path, error));
  check(!error, ErrorKind::io, "cannot read ", path.string());
  Digest digest(EVP_sha1());
  digest.add(head.c_str(), head.size() + 1);
  add_file(digest, path, cancelled);
  return digest.hexadecimal();
}

}  // namespace imagent
