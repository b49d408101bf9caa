// From one prompt to everything a text encoder has to do for a picture.
#include "text/prompt_plan.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "text/multicond.h"
#include "text/rewrite.h"
#include "text/unicode.h"

namespace imagent {
namespace {

constexpr size_t most_chunks = 4096;

class Planner {
 public:
  Planner(const std::vector<PromptEncoder>& encoders, const PlanOptions& options) : encoders_(encoders), options_(options) {}

  PromptPlan plan_plain(std::string_view prompt) {
    const int steps = options_.schedule.hires_steps.value_or(options_.schedule.steps);
    plan_.ranges.push_back({steps, {{encoding(std::string(prompt)), 1.0}}});
    return std::move(plan_);
  }

  PromptPlan plan_weighted(std::string_view prompt) {
    // In a negative prompt the web UI leaves such tags where they are, as words.
    ExtraNetworkPrompt taken = options_.negative ? ExtraNetworkPrompt{strip_comments(prompt), {}} : take_extra_networks(strip_comments(prompt));
    plan_.networks = std::move(taken.networks);
    const std::vector<PromptPart> parts = options_.negative ? std::vector<PromptPart>{{taken.text}} : split_parts(taken.text);

    // Each part has its own schedule: a range ends wherever one of them changes.
    std::vector<std::vector<Switch>> schedules;
    std::set<int> ends;
    for (const PromptPart& part : parts) {
      std::vector<Switch>& schedule = schedules.emplace_back();
      for (ScheduledText& scheduled : prompt_schedule(part.text, options_.schedule)) {
        schedule.push_back({scheduled.last_step, encoding(std::move(scheduled.text))});
        ends.insert(scheduled.last_step);
      }
    }
    check(ends.size() * parts.size() <= size_t{1} << 20, ErrorKind::usage, "the prompt has too many parts that change at too many steps: ",
          parts.size(), " parts, ", ends.size(), " changes");
    std::vector<size_t> current(parts.size(), 0);
    for (const int end : ends) {
      PromptPlan::Range& range = plan_.ranges.emplace_back(PromptPlan::Range{end, {}});
      for (size_t i = 0; i < parts.size(); ++i) {
        while (schedules[i][current[i]].last_step < end) ++current[i];
        range.parts.push_back({schedules[i][current[i]].encoding, parts[i].weight});
      }
    }
    return std::move(plan_);
  }

 private:
  struct Switch {
    int last_step;
    size_t encoding;
  };

  // Index of the text's encoding, which is made when the text is new.
  size_t encoding(std::string text) {
    const auto [entry, fresh] = index_.try_emplace(text, plan_.encodings.size());
    if (!fresh) return entry->second;
    PromptPlan::Encoding& made = plan_.encodings.emplace_back();
    made.text = std::move(text);
    for (const PromptEncoder& encoder : encoders_) {
      ChunkedPrompt chunked = chunk(encoder, made.text);
      if (made.chunks.empty()) made.token_count = chunked.token_count;
      chunks_ += chunked.chunks.size();
      check(chunks_ <= most_chunks, ErrorKind::usage, "the prompt needs more than ", most_chunks, " chunks of 75 tokens");
      made.chunks.push_back(std::move(chunked.chunks));
    }
    size_t longest = 0;
    for (const auto& chunks : made.chunks) longest = std::max(longest, chunks.size());
    for (size_t i = 0; i < encoders_.size(); ++i) made.chunks[i].resize(longest, empty_chunk(encoders_[i].tokenizer));
    return entry->second;
  }

  ChunkedPrompt chunk(const PromptEncoder& encoder, const std::string& text) const {
    if (options_.grammar == PromptGrammar::plain) return {{truncated_chunk(encoder.tokenizer, text)}, encoder.tokenizer.encode(text).size()};
    if (options_.emphasis == Emphasis::none) return chunk_prompt(encoder.tokenizer, std::vector<WeightedText>{{text}}, encoder.embeddings);
    return chunk_prompt(encoder.tokenizer, parse_attention(text), encoder.embeddings);
  }

  const std::vector<PromptEncoder>& encoders_;
  const PlanOptions& options_;
  PromptPlan plan_;
  std::unordered_map<std::string, size_t> index_;
  size_t chunks_ = 0;
};

}  // namespace

const PromptPlan::Range& PromptPlan::at_step(int step) const {
  const auto found = std::find_if(ranges.begin(), ranges.end(), [&](const Range& range) { return step <= range.last_step; });
  return found == ranges.end() ? ranges.back() : *found;
}

size_t PromptPlan::chunk_count() const {
  size_t count = 0;
  for (const Encoding& encoding : encodings)
    for (const auto& chunks : encoding.chunks) count = std::max(count, chunks.size());
  return count;
}

PromptPlan plan_prompt(std::string_view prompt, const std::vector<PromptEncoder>& encoders, const PlanOptions& options) {
  check_utf8(prompt, "the prompt");
  check(!encoders.empty(), "plan_prompt: no encoder");
  check(options.schedule.steps >= 1, ErrorKind::usage, "a prompt schedule needs at least 1 step");
  Planner planner(encoders, options);
  return options.grammar == PromptGrammar::plain ? planner.plan_plain(prompt) : planner.plan_weighted(prompt);
}

void pad_chunks(PromptPlan& plan, const std::vector<PromptEncoder>& encoders, size_t count) {
  for (PromptPlan::Encoding& encoding : plan.encodings)
    for (size_t i = 0; i < encoders.size(); ++i)
      if (encoding.chunks[i].size() < count) encoding.chunks[i].resize(count, empty_chunk(encoders[i].tokenizer));
}

}  // namespace imagent
