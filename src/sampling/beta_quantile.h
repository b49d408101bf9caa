// Quantiles of the beta distribution, for the "beta" noise levels (scipy.stats.beta.ppf).
#pragma once

namespace imagent {

// x with P(X <= x) = p for X ~ Beta(a, b); p in 0..1, a and b > 0.
double beta_quantile(double p, double a, double b);

}  // namespace imagent
