// The gallery: finished pictures on disk below pictures/, and what is known about them in the database.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "image/codec.h"
#include "server/database.h"
#include "server/messages.h"

namespace imagent::server {

struct PictureFilter {
  std::string search = {};     // every word is somewhere in prompt, negative prompt or model
  std::string job = {};
  bool favourites = false;
  int limit = 50, offset = 0;
};

struct PicturePage {
  std::vector<Picture> pictures;   // newest first
  int64_t total = 0;               // without limit and offset
};

// Adds the row; the caller holds the transaction.
void insert_picture(Database& database, const Picture& picture);

class Store {
 public:
  // Makes folder/pictures. Removes files in it that no row knows: pictures of jobs that were cut off, which are drawn again.
  Store(std::shared_ptr<Database> database, std::filesystem::path folder);

  // Puts the encoded file on disk, whole or not at all, and fills in id and file. It joins the gallery when its job finishes.
  void write_file(Picture& picture, Bytes encoded);
  void discard_file(const Picture& picture);       // of a result that did not count

  PicturePage list(const PictureFilter& filter);
  std::optional<Picture> find(const std::string& id);
  bool set_favourite(const std::string& id, bool favourite);  // false: there is no such picture
  bool remove(const std::string& id);                         // row and file
  std::vector<uint8_t> read_file(const Picture& picture) const;  // Errors: io

 private:
  std::filesystem::path path_of(const Picture& picture) const { return folder_ / picture.file; }
  void sweep();

  std::shared_ptr<Database> database_;
  std::filesystem::path folder_;                   // pictures/
};

}  // namespace imagent::server
