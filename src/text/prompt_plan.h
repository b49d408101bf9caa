// From one prompt to everything a text encoder has to do for a picture: which chunks, at which steps, how weighted.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "text/chunks.h"
#include "text/emphasis.h"
#include "text/extra_networks.h"
#include "text/schedules.h"

namespace imagent {

enum class PromptGrammar {
  weighted,  // A1111's: emphasis, prompt editing, AND, BREAK, <lora:...>, comments, any length (--compat native, a1111)
  plain,     // brackets are characters, cut after 75 tokens (--compat diffusers)
};

// A text encoder of the model: SD has one, SDXL two (whose tokenizers pad differently).
struct PromptEncoder {
  ClipTokenizer tokenizer;
  EmbeddingNames embeddings{};
};

struct PlanOptions {
  PromptGrammar grammar = PromptGrammar::weighted;
  Emphasis emphasis = Emphasis::original;
  ScheduleOptions schedule{};  // steps of the picture
  bool negative = false;       // in a negative prompt AND is a word
};

struct PromptPlan {
  // Encode each of these once.
  struct Encoding {
    std::string text;                        // for logs
    std::vector<std::vector<Chunk>> chunks;  // [encoder][chunk], as many for each encoder
    size_t token_count = 0;                  // of the first encoder
  };
  struct Part {
    size_t encoding;  // index of encodings
    double weight;    // denoised = uncond + sum of weight * guidance * (cond - uncond)
  };
  struct Range {
    int last_step;  // counted from 1: in force while step <= last_step and after the range before
    std::vector<Part> parts;
  };
  std::vector<Encoding> encodings;     // each text once
  std::vector<Range> ranges;           // by last_step; never empty, the last one ends with the pass
  std::vector<ExtraNetwork> networks;  // see lora_request()

  const Range& at_step(int step) const;  // step counted from 1; later ones get the last range
  size_t chunk_count() const;            // of the longest encoding
};

// Errors: usage (not UTF-8, no steps, a prompt that changes or grows beyond 4096 chunks).
PromptPlan plan_prompt(std::string_view prompt, const std::vector<PromptEncoder>& encoders, const PlanOptions& options);

// Appends chunks of the empty prompt until each encoding has `count`: positive and negative prompt, and the parts of
// one step, need states of equal length.
void pad_chunks(PromptPlan& plan, const std::vector<PromptEncoder>& encoders, size_t count);

}  // namespace imagent
