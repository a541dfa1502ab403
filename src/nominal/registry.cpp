#include "../registry.h"

#include <metrics/core/define.h>
#include <metrics/nominal/cramers.h>
#include <metrics/nominal/fleiss_kappa.h>
#include <metrics/nominal/pearson.h>
#include <metrics/nominal/theils_u.h>
#include <metrics/nominal/tschuprows.h>

namespace metrics {

Domain nominal_domain() {
  constexpr std::string_view domain = "nominal";
  return {
      .name = domain,
      .metrics = {entry<CramersV>(domain), entry<FleissKappa>(domain), entry<PearsonsContingencyCoefficient>(domain),
                  entry<TheilsU>(domain), entry<TschuprowsT>(domain)},
      .routers = {},
      .functionals = {function<&functional::cramers_v_matrix>("cramers_v_matrix", {"matrix"}, domain),
                      function<&functional::pearsons_contingency_coefficient_matrix>(
                          "pearsons_contingency_coefficient_matrix", {"matrix"}, domain),
                      function<&functional::theils_u_matrix>("theils_u_matrix", {"matrix"}, domain),
                      function<&functional::tschuprows_t_matrix>("tschuprows_t_matrix", {"matrix"}, domain)}};
}

}  // namespace metrics
