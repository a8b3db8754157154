/*
 * The defaults of a machine.
 *
 * Here: what rcl_config_init() fills in. Not here: the options themselves with their sources
 * (reclaim/abi/options.py), and what actions cost (reclaim/abi/costs.py).
 */
#include "machine.h"

void rcl_config_init(struct rcl_config *config)
{
	*config = (struct rcl_config){
		.seed = 1,
		.costs = RCL_DEFAULT_COSTS,
		RCL_DEFAULT_OPTIONS
	};
}
