// What a hub's refusal means, as one Error (huggingface_hub utils/_http.py: hf_raise_for_status).
#pragma once
#include <string>

#include "base/error.h"
#include "hub/environment.h"
#include "hub/http.h"
#include "hub/repository.h"

namespace imagent {

// The file is not in the repository at that revision; remembered in .no_exist.
struct EntryNotFound : Error {
  using Error::Error;
};

// Throws for a reply that is no success. Kinds: gated (terms not accepted, token refused, no access), model (no such
// repository, revision or file), hub (everything else: too many requests, the server's own faults, a broken connection).
[[noreturn]] void refuse(const HttpReply& reply, const HubSettings& settings, const RepositoryId& repository);

}  // namespace imagent
