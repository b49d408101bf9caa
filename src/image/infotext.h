// The text that describes how a picture was made, as the AUTOMATIC1111 web UI writes it (modules/infotext_utils.py, processing.py):
//   prompt / "Negative prompt: ..." / "Steps: 20, Sampler: Euler, ...", one after another.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace imagent {

struct Infotext {
  std::string prompt, negative_prompt;                            // UTF-8, may hold line breaks
  std::vector<std::pair<std::string, std::string>> parameters;    // in the order of the text: {"Steps", "20"}, ...

  // The value of a parameter; nullptr when it is absent.
  const std::string* find(std::string_view key) const;
  void set(std::string_view key, std::string value);              // replaces, or appends
};

// A parameter whose key equals its value is written once ("Flag"); values with , : or line breaks are quoted as JSON.
std::string write_infotext(const Infotext& info);

// Reads what the writer and the web UI write; "Size: 512x768" becomes Size-1 and Size-2. The last line counts as
// parameters when it holds three or more; anything else is prompt. Never fails, and takes linear time.
Infotext read_infotext(std::string_view text);

// What the web UI supposes beyond the text: Clip skip 1 and RNG GPU when absent, the sizes of its old two-pass runs
// ("First pass size") as Size and Hires resize, a "Hypernet" parameter as <hypernet:name:strength> in the prompt.
void add_infotext_defaults(Infotext& info);

}  // namespace imagent
