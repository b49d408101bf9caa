// Pictures in the database and on disk.
#include "server/store.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "base/atomic_file.h"
#include "base/error.h"

namespace imagent::server {

namespace fs = std::filesystem;

static constexpr const char* picture_columns =
    "SELECT id, job, number, file, format, width, height, seed, created, favourite, prompt, negative, model, parameters FROM pictures ";

static Picture read_picture(const Statement& row) {
  Picture p;
  p.id = row.text(0);
  p.job = row.text(1);
  p.number = static_cast<int>(row.integer(2));
  p.file = row.text(3);
  p.format = row.text(4);
  p.width = static_cast<int>(row.integer(5));
  p.height = static_cast<int>(row.integer(6));
  p.seed = row.integer(7);
  p.created = row.real(8);
  p.favourite = row.integer(9) != 0;
  p.prompt = row.text(10);
  p.negative = row.text(11);
  p.model = row.text(12);
  p.parameters = row.text(13);
  return p;
}

void insert_picture(Database& database, const Picture& p) {
  database.run("INSERT INTO pictures VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)", p.id, p.job, p.number, p.file, p.format,
               p.width, p.height, p.seed, p.created, static_cast<int>(p.favourite), p.prompt, p.negative, p.model, p.parameters);
}

Store::Store(std::shared_ptr<Database> database, fs::path folder) : database_(std::move(database)), folder_(std::move(folder) / "pictures") {
  std::error_code error;
  fs::create_directories(folder_, error);
  check(!error, ErrorKind::io, "cannot make the folder ", folder_.string(), ": ", error.message());
  sweep();
}

// A name that write_file gives: 24 hexadecimal digits, a dash, a number; anything else in the folder is not ours.
static bool is_own_name(const std::string& name) {
  return name.size() > 25 && name[24] == '-' && std::all_of(name.begin(), name.begin() + 24, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

void Store::sweep() {
  std::set<std::string> known;
  const std::lock_guard lock(database_->mutex);
  Statement rows = database_->query("SELECT file FROM pictures");
  while (rows.step()) known.insert(rows.text(0));
  std::vector<fs::path> orphans;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error))
    if (is_own_name(entry.path().filename().string()) && !known.count(entry.path().filename().string())) orphans.push_back(entry.path());
  for (const fs::path& orphan : orphans) fs::remove(orphan, error);
}

void Store::write_file(Picture& picture, Bytes encoded) {
  picture.id = str(picture.job, "-", picture.number);
  picture.file = str(picture.id, ".", picture.format == "jpeg" ? "jpg" : picture.format);
  write_file_atomically(path_of(picture), encoded);
}

void Store::discard_file(const Picture& picture) {
  std::error_code ignored;
  if (!find(picture.id)) fs::remove(path_of(picture), ignored);
}

static std::string like_pattern(std::string_view word) {
  std::string pattern = "%";
  for (const char c : word) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + "%";
}

PicturePage Store::list(const PictureFilter& filter) {
  std::string where = "WHERE (?1='' OR job=?1) AND (?2=0 OR favourite=1)";
  std::vector<std::string> patterns;
  for (const std::string_view word : split(filter.search, ' ')) {
    if (word.empty() || patterns.size() == 16) continue;
    patterns.push_back(like_pattern(word));
    where += str(" AND (prompt || ' ' || negative || ' ' || model) LIKE ?", patterns.size() + 2, " ESCAPE '\\'");
  }
  const auto bind = [&](Statement& statement) {
    statement.bind(1, filter.job);
    statement.bind(2, static_cast<int>(filter.favourites));
    for (size_t i = 0; i < patterns.size(); ++i) statement.bind(static_cast<int>(i) + 3, patterns[i]);
  };
  const std::lock_guard lock(database_->mutex);
  PicturePage page;
  Statement count = database_->query(("SELECT COUNT(*) FROM pictures " + where).c_str());
  bind(count);
  count.step();
  page.total = count.integer(0);
  Statement rows = database_->query(
      str(picture_columns, where, " ORDER BY created DESC, id DESC LIMIT ", std::clamp(filter.limit, 0, 1000), " OFFSET ", std::max(filter.offset, 0)).c_str());
  bind(rows);
  while (rows.step()) page.pictures.push_back(read_picture(rows));
  return page;
}

std::optional<Picture> Store::find(const std::string& id) {
  const std::lock_guard lock(database_->mutex);
  Statement row = database_->query(str(picture_columns, "WHERE id=?1").c_str(), id);
  if (!row.step()) return std::nullopt;
  return read_picture(row);
}

bool Store::set_favourite(const std::string& id, bool favourite) {
  const std::lock_guard lock(database_->mutex);
  return database_->run("UPDATE pictures SET favourite=?2 WHERE id=?1", id, static_cast<int>(favourite)) > 0;
}

bool Store::remove(const std::string& id) {
  const auto picture = find(id);
  if (!picture) return false;
  {
    const std::lock_guard lock(database_->mutex);
    database_->run("DELETE FROM pictures WHERE id=?1", id);
  }
  std::error_code ignored;
  fs::remove(path_of(*picture), ignored);
  return true;
}

std::vector<uint8_t> Store::read_file(const Picture& picture) const {
  std::ifstream in(path_of(picture), std::ios::binary);
  check(in.good(), ErrorKind::io, "the picture ", picture.id, " is no longer on disk");
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace imagent::server
