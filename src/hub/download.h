// One file of a repository into the cache: resumed, verified, and only then given its name.
#pragma once
#include "hub/cache.h"
#include "hub/client.h"
#include "hub/transfer_meter.h"

namespace imagent {

struct DownloadTask {
  const HubCache& cache;
  RepositoryId repository;            // with the file to load
  std::string commit;
  std::function<void(const std::string&)> note = {};   // one line for the user
};

// After it snapshots/<commit>/<file> is there. What came of a download that broke off stays as <etag>.incomplete and is
// gone on with next time. Errors: as HubClient; hub for a wrong size or hash (the bytes are dropped), io for a full disk.
void download_file(HubClient& client, const DownloadTask& task, TransferMeter& meter);

}  // namespace imagent
