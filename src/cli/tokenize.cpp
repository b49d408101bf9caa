// The command `tokenize`: what a model's tokenizers make of a prompt.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/downloads.h"
#include "pipeline/engine.h"
#include "pipeline/field_rules.h"
#include "pipeline/model_source.h"
#include "text/chunks.h"

namespace imagent {

namespace {
struct TokenizeOptions {
  std::string model, compat = "native";
  bool json = false;
};
}  // namespace

static const std::vector<Field<TokenizeOptions>>& tokenize_fields() {
  static const std::vector<Field<TokenizeOptions>> fields = {
      {{.name = "model", .flags = {"-m", "--model"}, .json = {}, .group = "Model", .value = "NAME", .help = "Folder, file, alias or ORG/NAME of the hub", .default_text = "the built-in model"},
       rule::path(&TokenizeOptions::model)},
      {{.name = "compat", .flags = {"--compat"}, .json = {}, .group = "Model", .value = "NAME", .help = "Read weights and make chunks, or cut plain text at 77 tokens",
        .default_text = ""},
       rule::choice<TokenizeOptions, std::string>(&TokenizeOptions::compat, {{"native", "native"}, {"diffusers", "diffusers"}, {"a1111", "a1111"}})},
      {{.name = "json", .flags = {"--json"}, .json = {}, .group = "Output", .value = "", .help = "One JSON object, or a list of one for each tokenizer", .default_text = "",
        .kind = FieldKind::toggle},
       rule::toggle(&TokenizeOptions::json)},
  };
  return fields;
}

static std::vector<Chunk> chunks_of(const ClipTokenizer& tokenizer, const std::string& text, bool plain) {
  if (plain) return {truncated_chunk(tokenizer, text)};
  return chunk_prompt(tokenizer, parse_attention(text)).chunks;
}

static nlohmann::ordered_json tokenized(const ClipTokenizer& tokenizer, const std::string& text, bool plain) {
  const std::vector<int> ids = tokenizer.encode(text);
  nlohmann::ordered_json chunks = nlohmann::ordered_json::array();
  for (const Chunk& chunk : chunks_of(tokenizer, text, plain)) chunks.push_back({{"ids", chunk.ids}, {"weights", chunk.weights}});
  return {{"ids", ids}, {"pieces", tokenizer.pieces(ids)}, {"chunks", chunks}};
}

static std::string readable(const nlohmann::ordered_json& tokens, const std::string& name) {
  std::string text = str(name, ": ", tokens["ids"].size(), " tokens, ", tokens["chunks"].size(), " chunk", tokens["chunks"].size() == 1 ? "" : "s", " of 77\n");
  for (size_t i = 0; i < tokens["ids"].size(); ++i) text += str("  ", tokens["ids"][i].get<int>(), "  ", tokens["pieces"][i].get<std::string>(), "\n");
  return text;
}

static int run_tokenize(const Arguments& arguments) {
  TokenizeOptions options;
  apply(options, tokenize_fields(), arguments.given);
  check(arguments.positional.size() == 1, ErrorKind::usage, "tokenize needs one text: imagent tokenize \"a red house\", or - for standard input");
  const std::string text = arguments.positional[0] == "-" ? read_standard_input() : arguments.positional[0];
  check(is_valid_utf8(text), ErrorKind::usage, "text ", quoted(text), ": should be UTF-8");
  ProgressReporter reporter(progress_on_terminal(ProgressMode::automatic, false));
  const auto model = open_model_source(Engine().find_model(options.model, download_events(reporter)));
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  std::string table;
  for (const std::string suffix : {"", "_2"}) {
    if (!model->has("text_encoder" + suffix)) continue;
    all.push_back(tokenized(model->tokenizer("text_encoder" + suffix), text, options.compat == "diffusers"));
    table += readable(all.back(), "tokenizer" + suffix);
  }
  check(!all.empty(), ErrorKind::model, "model ", model->path().string(), " has no text encoder");
  write_result(options.json ? json_text(all.size() == 1 ? all[0] : all) : table);
  return 0;
}

Command tokenize_command() {
  CommandInfo info = {.name = "tokenize",
                      .summary = "Token ids, text pieces, chunks and weights of a prompt",
                      .positional = "TEXT",
                      .positional_hint = "a text with spaces stands in quotes",
                      .max_positional = 1,
                      .epilogue = "Example:\n  imagent tokenize --json \"a (red:1.3) house\"\n"};
  return {std::move(info), "", infos(tokenize_fields()), run_tokenize};
}

}  // namespace imagent
