// How many tokens a prompt has: what a page shows beside its prompt.
#include <algorithm>
#include <mutex>

#include "base/error.h"
#include "pipeline/model_lookup.h"
#include "pipeline/model_source.h"
#include "server/service.h"
#include "text/prompt_plan.h"

namespace imagent::server {

namespace {

// The first tokenizer of the model that was asked about last: reading one takes longer than counting.
class TokenCounter {
 public:
  nlohmann::ordered_json operator()(const std::filesystem::path& model, const std::string& prompt) {
    const std::lock_guard lock(mutex_);
    if (encoders_.empty() || model != model_) {
      const auto source = open_model_source(model);
      encoders_ = {{source->tokenizer(source->has("text_encoder") ? "text_encoder" : "text_encoder_2")}};
      model_ = model;
    }
    const PromptPlan plan = plan_prompt(prompt, encoders_, {});
    size_t tokens = 0;
    for (const PromptPlan::Encoding& encoding : plan.encodings) tokens = std::max(tokens, encoding.token_count);
    return {{"tokens", tokens}, {"chunks", plan.chunk_count()}};
  }

 private:
  std::mutex mutex_;
  std::filesystem::path model_;
  std::vector<PromptEncoder> encoders_;
};

}  // namespace

std::vector<Route> tokenize_routes(Service& service) {
  const auto counter = std::make_shared<TokenCounter>();
  return {{.method = "POST", .path = "/v1/tokenize", .summary = "Counts the tokens and 75-token chunks of {\"prompt\"} for {\"model\"}",
           .handler = [&service, counter](Call& call) {
             const nlohmann::json body = call.json();
             const auto text = [&](const char* name) {
               const auto found = body.find(name);
               check(found == body.end() || found->is_string() || found->is_null(), ErrorKind::usage, name, ": should be a text");
               return found == body.end() || found->is_null() ? std::string() : found->get<std::string>();
             };
             const std::string prompt = text("prompt");
             check(prompt.size() <= service.limits.max_prompt, ErrorKind::usage, "prompt: at most ", service.limits.max_prompt, " bytes");
             const std::filesystem::path model = service.catalog.find(CatalogKind::model, text("model")).path;
             call.reply((*counter)(model.empty() ? builtin_model_path() : model, prompt));
           },
           .body = Body::json}};
}

}  // namespace imagent::server
