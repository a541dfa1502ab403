#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace metrics::eval {

/// The names that a misspelt one may have meant, the nearest first: at most three, by how many letters differ.
std::vector<std::string> nearest(std::string_view name, std::span<const std::string> known);

/// The same for the end of a message: "; did you mean `preds` or `target`?". Where nothing is near, what there is
/// ("; there are: preds, target") if that is few names, else nothing.
std::string did_you_mean(std::string_view name, std::span<const std::string> known);

}  // namespace metrics::eval
