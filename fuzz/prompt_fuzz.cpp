// Prompts: the tokenizer, every rule of the grammar at several counts of steps, what comes before it and after it.
#include "fuzz.h"
#include "image/infotext.h"
#include "text/clip_table.h"
#include "text/prompt_plan.h"
#include "text/rewrite.h"

using namespace imagent;

namespace {

const std::vector<PromptEncoder>& encoders() {
  static const std::vector<PromptEncoder> encoders = [] {
    PromptEncoder first{ClipTokenizer::from_bpe_table(clip_bpe_table())}, second{ClipTokenizer::from_bpe_table(clip_bpe_table(), "!")};
    first.embeddings = EmbeddingNames(first.tokenizer, {{"easy negative", 3}, {"cat", 75}});
    return std::vector<PromptEncoder>{first, second};
  }();
  return encoders;
}

void plan(std::string_view prompt, uint8_t choice) {
  PlanOptions options;
  options.grammar = choice & 1 ? PromptGrammar::plain : PromptGrammar::weighted;
  options.emphasis = static_cast<Emphasis>(choice >> 1 & 3);
  options.negative = choice & 8;
  options.schedule.old_scheduling = choice & 16;
  options.schedule.steps = 1 + (choice >> 5) * 7;
  if (choice & 32) options.schedule.hires_steps = 5;
  PromptPlan plan = plan_prompt(prompt, encoders(), options);
  pad_chunks(plan, encoders(), plan.chunk_count() + 1);
  plan.at_step(1);
  for (const ExtraNetwork& network : plan.networks)
    if (is_lora(network)) lora_request(network);
}

}  // namespace

// CLIP's table takes long to read under the fuzzer's instruments: not on the first input's time.
int LLVMFuzzerInitialize(int*, char***) { return encoders().empty(); }

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const uint8_t choice = input.byte();
  const std::string_view prompt = input.rest();
  fuzz::expect_answer(size, [&] { plan(prompt, choice); });
  fuzz::expect_answer(size, [&] { encoders()[0].tokenizer.pieces(encoders()[0].tokenizer.encode(prompt)); });
  fuzz::expect_answer(size, [&] { apply_style(strip_comments(prompt), prompt); });
  fuzz::expect_answer(size, [&] {
    const std::vector<std::string> lines = {"red", "__b__ and __b__", std::string(prompt)};
    size_t turn = choice;
    expand_wildcards(prompt, {.lines = [&](const std::string& name) { return name.size() % 2 ? &lines : nullptr; }, .pick = [&](size_t count) { return turn++ % count; }});
  });
  fuzz::expect_answer(size, [&] {
    Infotext info = read_infotext(prompt);
    add_infotext_defaults(info);
    read_infotext(write_infotext(info));
  });
  return 0;
}
