// Composable prompts: "a cat :1.2 AND a dog :0.8". Paper: "Compositional Visual Generation with Composable Diffusion
// Models" (Liu 2022); grammar: A1111 modules/prompt_parser.py.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace imagent {

struct PromptPart {
  std::string text;
  double weight = 1.0;  // denoised = uncond + sum of weight * guidance * (cond - uncond)
};

// Splits at the word AND; never empty. White space at the end of a part is removed.
std::vector<PromptPart> split_parts(std::string_view prompt);

}  // namespace imagent
