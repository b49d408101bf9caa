// The prompts of a request as the encoders are to read them: styles put around them, wildcards replaced.
#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "pipeline/request.h"

namespace imagent {

struct Style {
  std::string prompt, negative;
};
// The web UI's styles.csv: name,prompt,negative_prompt. Errors: usage, io.
std::map<std::string, Style> read_styles(const std::filesystem::path& path);

// `request` with its styles applied to both prompts, in their order (A1111 modules/styles.py). The file is the web UI's
// styles.csv: name,prompt,negative_prompt. Errors: usage (no file, no such style), io.
Request with_styles(Request request);

// Whether a prompt holds a __name__ that the request's wildcard folder has a file for: then each picture has its own text.
bool has_wildcards(const Request& request);

// Each __name__ of both prompts replaced by a line of name.txt, drawn by the request's seed as the web UI's extension
// "wildcards" draws it: Python's random.Random(seed).choice, one generator a prompt. Errors: usage, io.
Request with_wildcards(Request request);

}  // namespace imagent
