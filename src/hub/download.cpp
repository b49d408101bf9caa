// Download of a blob under its lock (huggingface_hub file_download.py: _download_to_tmp_and_move, http_get).
#include "hub/download.h"

#include "base/error.h"
#include "base/printable.h"
#include "hub/digest.h"
#include "hub/file_lock.h"
#include "hub/partial_file.h"
#include "hub/refusal.h"

namespace imagent {
namespace {

constexpr uint64_t good_stretch = uint64_t{1} << 20;   // bytes after which the count of faults starts anew
constexpr int most_fresh_addresses = 3;

class BlobDownload {
 public:
  BlobDownload(HubClient& client, const DownloadTask& task, FileMetadata metadata, TransferMeter& meter)
      : client_(client), task_(task), metadata_(std::move(metadata)), meter_(meter), file_(task.cache.partial(metadata_.etag)) {}

  // Leaves the blob under its own name.
  void run() {
    if (metadata_.size && file_.size() > *metadata_.size) drop();
    bool resumed = file_.size() > 0;
    meter_.kept(file_.size());
    for (;; resumed = false) {
      while (!complete()) attempt();
      const std::string wrong = fault();
      if (wrong.empty()) break;
      drop();
      // The start may be of another program's making: worth one more download from zero.
      check(resumed, ErrorKind::hub, wrong);
      done_ = false;
    }
    file_.rename_to(task_.cache.blob(metadata_.etag));
  }

 private:
  bool complete() const { return done_ || (metadata_.size && file_.size() == *metadata_.size); }

  void drop() {
    meter_.dropped(file_.size());
    file_.truncate();
  }

  std::string fault() const {
    if (!is_sha256(metadata_.etag)) return "";
    const std::string sha256 = sha256_of_file(file_.path(), client_.cancelled());
    return sha256 == metadata_.etag ? "" : str("wrong hash: ", task_.repository.file, " came with SHA-256 ", sha256, ", the hub announced ", metadata_.etag, "; nothing was kept");
  }

  void take(const HttpReply& reply, std::string_view bytes) {
    if (std::exchange(first_piece_, false)) place(reply);
    if (metadata_.size && bytes.size() > *metadata_.size - file_.size()) refuse_size("more");
    file_.append(bytes);
    meter_.received(bytes.size());
    if ((stretch_ += bytes.size()) >= good_stretch) backoff_.restart();
  }

  [[noreturn]] void refuse_size(const char* more_or_fewer) {
    drop();
    fail(ErrorKind::hub, "wrong size: ", more_or_fewer, " than the announced ", *metadata_.size, " bytes come for ", task_.repository.file, "; nothing was kept");
  }

  // Where the bytes of this answer belong: a server without ranges starts at zero again.
  void place(const HttpReply& reply) {
    const bool goes_on = reply.status == 206 && reply.header("content-range").starts_with(str("bytes ", file_.size(), "-"));
    if (file_.size() > 0 && !goes_on) drop();
    check(goes_on || reply.status == 200, ErrorKind::hub, "the server sends another part of ", task_.repository.file, " than it was asked for");
  }

  void attempt() {
    first_piece_ = true;
    stretch_ = 0;
    const HttpReply reply = client_.get_bytes(metadata_.location, file_.size(), [this](const HttpReply& head, std::string_view bytes) { take(head, bytes); });
    const bool success = reply.status == 200 || reply.status == 206;
    if (success && reply.failure.empty()) {
      if (std::exchange(first_piece_, false)) place(reply);   // an empty body
      if (!metadata_.size) done_ = true;
      if (complete()) return;
      if (reply.number("content-length")) refuse_size("fewer");   // the server means it: no connection broke
    }
    if (reply.status == 416 && reply.failure.empty()) drop();
    if (reply.status == 403 && fresh_addresses_++ < most_fresh_addresses) return renew_address();
    const bool again = success || reply.status == 416 || is_transient(reply);
    if (!again || !backoff_.wait(reply)) give_up(reply);
  }

  // Signed addresses run out.
  void renew_address() {
    FileMetadata fresh = client_.metadata(task_.repository, task_.commit);
    check(fresh.etag == metadata_.etag, ErrorKind::hub, "the hub's file ", task_.repository.file, " has changed meanwhile: try again");
    metadata_.location = std::move(fresh.location);
  }

  [[noreturn]] void give_up(const HttpReply& reply) {
    const bool broken = reply.status == 200 || reply.status == 206 || reply.status == 0 || !reply.failure.empty();
    if (!broken) refuse(reply, client_.settings(), task_.repository);
    const std::string of = metadata_.size ? str(" of ", *metadata_.size) : "";
    fail(ErrorKind::hub, "the connection broke after ", file_.size(), of, " bytes of ", task_.repository.file, reply.failure.empty() ? "" : ": ", printable(reply.failure),
         "; what came is kept, the next pull goes on from there");
  }

  HubClient& client_;
  const DownloadTask& task_;
  FileMetadata metadata_;
  TransferMeter& meter_;
  PartialFile file_;
  Backoff backoff_{client_.clock(), client_.cancelled(), client_.settings().retries};
  bool first_piece_ = true, done_ = false;
  uint64_t stretch_ = 0;
  int fresh_addresses_ = 0;
};

FileLock lock(HubClient& client, const DownloadTask& task, const std::string& etag) {
  bool told = false;
  for (;;) {
    if (std::optional<FileLock> lock = FileLock::try_lock(task.cache.lock(etag))) return std::move(*lock);
    if (task.note && !std::exchange(told, true)) task.note("another process is loading " + task.repository.file + ": waiting for it");
    wait_seconds(client.clock(), client.cancelled(), 0.05);
  }
}

bool is_whole(const std::filesystem::path& blob, const FileMetadata& metadata) {
  std::error_code error;
  const auto size = std::filesystem::file_size(blob, error);
  return !error && (!metadata.size || size == *metadata.size);
}

}  // namespace

void download_file(HubClient& client, const DownloadTask& task, TransferMeter& meter) {
  FileMetadata metadata;
  try {
    metadata = client.metadata(task.repository, task.commit);
  } catch (const EntryNotFound&) {
    task.cache.write_no_exist(task.commit, task.repository.file);
    throw;
  }
  const std::string etag = metadata.etag;
  const std::filesystem::path blob = task.cache.blob(etag);
  const FileLock held = lock(client, task, etag);
  if (is_whole(blob, metadata))
    meter.kept(std::filesystem::file_size(blob));
  else
    BlobDownload(client, task, std::move(metadata), meter).run();
  task.cache.link(task.commit, task.repository.file, etag);
  meter.file_done();
}

}  // namespace imagent
