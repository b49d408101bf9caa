// Styles and wildcards: files of the web UI's users (modules/styles.py; AUTOMATIC1111/stable-diffusion-webui-wildcards).
#include "pipeline/prompt_text.h"

#include <algorithm>
#include <bit>

#include "base/error.h"
#include "base/mapped_file.h"
#include "pipeline/field.h"
#include "sampling/rng.h"
#include "text/rewrite.h"

namespace imagent {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  const auto file = MappedFile::open(path, ErrorKind::usage);
  std::string text(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  check(is_valid_utf8(text), ErrorKind::usage, quoted(path.string()), ": should be text in UTF-8");
  return text;
}

using Record = std::vector<std::string>;

// RFC 4180: fields between commas, in double quotes where they hold commas, quotes or line breaks.
std::vector<Record> parse_csv(std::string_view text) {
  std::vector<Record> records(1, Record(1));
  bool inside = false;
  for (size_t i = 0; i < text.size(); ++i) {
    std::string& field = records.back().back();
    if (text[i] == '"') {
      const bool doubled = inside && i + 1 < text.size() && text[i + 1] == '"';
      if (doubled) field += text[++i];
      else inside = !inside;
    } else if (!inside && text[i] == ',') {
      records.back().emplace_back();
    } else if (!inside && text[i] == '\n') {
      records.emplace_back(1);
    } else if (inside || text[i] != '\r') {
      field += text[i];
    }
  }
  return records;
}

}  // namespace

std::map<std::string, Style> read_styles(const fs::path& path) {
  const std::vector<Record> records = parse_csv(read_text(path));
  const auto column = [&](std::string_view name) {
    const auto found = std::find(records[0].begin(), records[0].end(), name);
    return found == records[0].end() ? records[0].size() : static_cast<size_t>(found - records[0].begin());
  };
  const size_t name = column("name"), prompt = std::min(column("prompt"), column("text")), negative = column("negative_prompt");
  check(name < records[0].size() && prompt < records[0].size(), ErrorKind::usage, quoted(path.string()),
        ": should be a table whose first line is name,prompt,negative_prompt");
  std::map<std::string, Style> styles;
  for (size_t i = 1; i < records.size(); ++i) {
    const Record& record = records[i];
    if (record.size() <= std::max(name, prompt) || record[name].empty()) continue;
    styles[record[name]] = {record[prompt], negative < record.size() ? record[negative] : ""};
  }
  return styles;
}

namespace {

// Python's random.Random(seed).choice over lists of `count`.
class PythonChoice {
 public:
  explicit PythonChoice(uint64_t seed) : engine_(words(seed)) {}

  size_t operator()(size_t count) {
    const int bits = std::bit_width(static_cast<uint32_t>(count));
    while (true)
      if (const uint32_t drawn = engine_.next() >> (32 - bits); drawn < count) return drawn;
  }

 private:
  static std::vector<uint32_t> words(uint64_t seed) {
    std::vector<uint32_t> key = {static_cast<uint32_t>(seed)};
    if (seed >> 32) key.push_back(static_cast<uint32_t>(seed >> 32));
    return key;
  }

  Mt19937 engine_;
};

// The lists of a folder, each read once.
class WildcardFolder {
 public:
  explicit WildcardFolder(fs::path folder) : folder_(std::move(folder)) {
    std::error_code error;
    check(fs::is_directory(folder_, error), ErrorKind::usage, "there is no folder of wildcards ", quoted(folder_.string()));
  }

  const std::vector<std::string>* lines(const std::string& name) {
    auto found = lists_.find(name);
    if (found == lists_.end()) found = lists_.emplace(name, read(name)).first;
    return found->second.empty() ? nullptr : &found->second;
  }

 private:
  // A name is a path below the folder and never leads out of it.
  std::vector<std::string> read(const std::string& name) const {
    const fs::path relative = fs::path(name + ".txt").lexically_normal();
    const fs::path path = folder_ / relative;
    std::error_code error;
    if (relative.is_absolute() || *relative.begin() == ".." || name.find('\0') != std::string::npos || !fs::is_regular_file(path, error)) return {};
    std::vector<std::string> lines;
    const std::string text = read_text(path);
    for (const std::string_view line : split(text, '\n')) lines.emplace_back(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
    if (!lines.empty() && lines.back().empty()) lines.pop_back();
    return lines;
  }

  fs::path folder_;
  std::map<std::string, std::vector<std::string>> lists_;
};

std::string expanded(const std::string& prompt, WildcardFolder& folder, uint64_t seed) {
  PythonChoice choice(seed);
  return expand_wildcards(prompt, {[&](const std::string& name) { return folder.lines(name); }, [&](size_t count) { return choice(count); }});
}

}  // namespace

Request with_styles(Request request) {
  if (request.styles.empty()) return request;
  check(!request.styles_file.empty(), ErrorKind::usage, "--style ", quoted(request.styles[0]), ": --styles-file has to name the table that it stands in");
  const std::map<std::string, Style> styles = read_styles(request.styles_file);
  for (const std::string& name : request.styles) {
    const auto found = styles.find(name);
    if (found == styles.end()) {
      std::vector<std::string> names;
      for (const auto& [known, style] : styles) names.push_back(known);
      refuse({name, "--style"}, str("a style of ", quoted(request.styles_file)), names);
    }
    request.prompt = apply_style(request.prompt, found->second.prompt);
    if (!found->second.negative.empty()) request.negative = apply_style(request.negative.value_or(""), found->second.negative);
  }
  request.styles.clear();
  return request;
}

bool has_wildcards(const Request& request) {
  const auto holds = [&](const std::string& prompt) { return prompt.find("__") != std::string::npos; };
  if (request.wildcards_dir.empty() || !(holds(request.prompt) || holds(request.negative.value_or("")))) return false;
  const Request replaced = with_wildcards(request);
  return replaced.prompt != request.prompt || replaced.negative != request.negative;
}

Request with_wildcards(Request request) {
  if (request.wildcards_dir.empty()) return request;
  WildcardFolder folder(request.wildcards_dir);
  const auto seed = static_cast<uint64_t>(std::max<int64_t>(request.seed, 0));
  request.prompt = expanded(request.prompt, folder, seed);
  for (auto* prompt : {&request.negative, &request.hires_prompt, &request.hires_negative})
    if (*prompt) *prompt = expanded(**prompt, folder, seed);
  request.wildcards_dir.clear();
  return request;
}

}  // namespace imagent
