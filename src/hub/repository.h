// Names that come from users and from the hub: repositories, commits, files, blobs; none may lead outside the cache.
#pragma once
#include <string>
#include <string_view>

namespace imagent {

struct RepositoryId {
  std::string name;                 // "org/name"
  std::string revision = "main";    // branch, tag, "refs/pr/1" or commit
  std::string file = "";            // one file of the repository; "" = the whole model

  std::string folder_name() const;  // "models--org--name"
};

// Reads ORG/NAME[/FILE][@REVISION]. Errors: usage, saying what is allowed.
RepositoryId parse_repository(std::string_view text);
bool is_repository(std::string_view text);         // of the form ORG/NAME[/FILE][@REVISION]

bool is_commit(std::string_view text);             // 40 lower-case hexadecimal digits
bool is_sha256(std::string_view text);             // 64 of them
bool is_blob_name(std::string_view text);          // may be the name of a file in blobs/
bool is_safe_path(std::string_view path);          // relative, UTF-8, no "." or "..", no control characters, of sane length

}  // namespace imagent
