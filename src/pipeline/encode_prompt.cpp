// Prompts through the text encoders.
#include "pipeline/encode_prompt.h"

#include <algorithm>

#include "pipeline/encode_chunk.h"

namespace imagent {
namespace {

PlanOptions plan_options(const Request& request, bool negative) {
  PlanOptions options;
  options.grammar = request.compat == Compat::diffusers ? PromptGrammar::plain : PromptGrammar::weighted;
  options.emphasis = request.compat == Compat::diffusers ? Emphasis::none : Emphasis::original;
  options.schedule.steps = request.steps;
  options.negative = negative;
  return options;
}

// SDXL's second encoder may read a text of its own.
void replace_second_text(PromptPlan& plan, const std::string& text, const std::vector<PromptEncoder>& encoders, const PlanOptions& options) {
  PromptPlan second = plan_prompt(text, encoders, options);
  check(second.ranges.size() == 1 && second.ranges[0].parts.size() == 1, ErrorKind::usage,
        "the second prompt can neither change between steps nor hold AND");
  const size_t chunks = std::max(plan.chunk_count(), second.chunk_count());
  pad_chunks(plan, encoders, chunks);
  pad_chunks(second, encoders, chunks);
  for (PromptPlan::Encoding& encoding : plan.encodings)
    encoding.chunks.back() = second.encodings[second.ranges[0].parts[0].encoding].chunks.back();
}

PromptPlan make_plan(LoadedModel& model, const std::string& prompt, const std::optional<std::string>& prompt_2, const PlanOptions& options) {
  const std::vector<PromptEncoder>& encoders = model.prompt_encoders();
  const bool only_second = !model.source()->has("text_encoder");  // SDXL's refiner
  PromptPlan plan = plan_prompt(only_second ? prompt_2.value_or(prompt) : prompt, encoders, options);
  if (prompt_2 && encoders.size() > 1) replace_second_text(plan, *prompt_2, encoders, options);
  for (const PromptPlan::Encoding& encoding : plan.encodings)
    for (size_t i = 0; i < encoding.chunks.size(); ++i)
      for (const Chunk& chunk : encoding.chunks[i])
        for (const Chunk::Embedding& word : chunk.embeddings) model.learned_vectors(i, word.name);  // refused now when they do not fit
  return plan;
}

struct EncodeRules {
  Emphasis emphasis;
  int clip_skip;
};

Conditioning encode(LoadedModel& model, const PromptPlan::Encoding& encoding, const EncodeRules& rules) {
  constexpr int64_t length = ClipTokenizer::max_length;
  Conditioning out;
  out.tokens = static_cast<int64_t>(encoding.chunks[0].size()) * length;
  for (const ClipTextModel& encoder : model.text_encoders()) out.width += encoder.width();
  out.states.resize(static_cast<size_t>(out.tokens * out.width));
  int64_t column = 0;
  for (size_t i = 0; i < encoding.chunks.size(); ++i) {
    const int64_t width = model.text_encoders()[i].width();
    for (size_t part = 0; part < encoding.chunks[i].size(); ++part) {
      const Chunk& chunk = encoding.chunks[i][part];
      const std::shared_ptr<const EncodedChunk> encoded = encode_chunk(model, i, chunk, rules.clip_skip);
      std::vector<float> states = encoded->states;
      apply_emphasis(states, chunk.weights, rules.emphasis);
      for (int64_t token = 0; token < length; ++token)
        std::copy_n(&states[token * width], width, &out.states[(static_cast<int64_t>(part) * length + token) * out.width + column]);
      if (part == 0 && !encoded->pooled.empty()) out.pooled = encoded->pooled;
    }
    column += width;
  }
  return out;
}

}  // namespace

std::vector<WeightedConditioning> EncodedPrompt::at(int step, const std::vector<float>& time_ids) const {
  std::vector<WeightedConditioning> parts;
  for (const PromptPlan::Part& part : plan.at_step(step + 1).parts)
    parts.push_back({encodings[part.encoding], static_cast<float>(part.weight), time_ids});
  return parts;
}

std::vector<std::string> EncodedPrompts::learned_words() const {
  std::vector<std::string> words;
  for (const EncodedPrompt* prompt : {&positive, negative ? &*negative : nullptr}) {
    if (!prompt) continue;
    for (const PromptPlan::Encoding& encoding : prompt->plan.encodings)
      for (const Chunk& chunk : encoding.chunks[0])
        for (const Chunk::Embedding& word : chunk.embeddings)
          if (std::find(words.begin(), words.end(), word.name) == words.end()) words.push_back(word.name);
  }
  return words;
}

PromptShape prompt_shape(LoadedModel& model, const Request& r) {
  const PromptPlan positive = make_plan(model, r.prompt, r.prompt_2, plan_options(r, false));
  const PromptPlan negative = make_plan(model, r.negative.value_or(""), r.negative_2, plan_options(r, true));
  size_t parts = 1;
  for (const PromptPlan::Range& range : positive.ranges) parts = std::max(parts, range.parts.size());
  const bool guided = parts > 1 || *r.guidance_scale > 1;
  const size_t chunks = std::max(positive.chunk_count(), guided ? negative.chunk_count() : 1);
  return {static_cast<int>(parts) + (guided ? 1 : 0), static_cast<int64_t>(chunks) * ClipTokenizer::max_length};
}

EncodedPrompts encode_prompts(LoadedModel& model, const Request& r, std::optional<int> first_pass_steps) {
  PlanOptions positive_options = plan_options(r, false), negative_options = plan_options(r, true);
  if (first_pass_steps)
    positive_options.schedule = negative_options.schedule = {.steps = *first_pass_steps, .hires_steps = r.steps};
  EncodedPrompts out{{make_plan(model, r.prompt, r.prompt_2, positive_options), {}}, std::nullopt};
  const bool sum = out.positive.plan.ranges.front().parts.size() > 1;  // AND
  const bool embedded = model.unet().guidance_width > 0;
  check(!sum || !embedded, ErrorKind::unsupported, "AND: this model takes guidance as an input and can follow one prompt only");
  const bool guided = !embedded && (sum || *r.guidance_scale > 1);
  size_t chunks = out.positive.plan.chunk_count();
  if (guided) {
    out.negative = EncodedPrompt{make_plan(model, r.negative.value_or(""), r.negative_2, negative_options), {}};
    chunks = std::max(chunks, out.negative->plan.chunk_count());
    pad_chunks(out.negative->plan, model.prompt_encoders(), chunks);
  }
  pad_chunks(out.positive.plan, model.prompt_encoders(), chunks);

  const auto encode_all = [&](EncodedPrompt& prompt, int clip_skip) {
    for (const PromptPlan::Encoding& encoding : prompt.plan.encodings)
      prompt.encodings.push_back(std::make_shared<Conditioning>(encode(model, encoding, {positive_options.emphasis, clip_skip})));
  };
  encode_all(out.positive, r.clip_skip);
  // diffusers skips layers for the prompt only, the web UI for both.
  if (out.negative) encode_all(*out.negative, r.compat == Compat::a1111 ? r.clip_skip : 0);
  // "No negative prompt" is not the empty text for SDXL: zeros of the same shape.
  if (out.negative && !r.negative && model.zeros_for_no_negative())
    for (auto& encoding : out.negative->encodings) {
      auto zeros = std::make_shared<Conditioning>(*encoding);
      std::fill(zeros->states.begin(), zeros->states.end(), 0.0f);
      std::fill(zeros->pooled.begin(), zeros->pooled.end(), 0.0f);
      encoding = zeros;
    }
  return out;
}

}  // namespace imagent
