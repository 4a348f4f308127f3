/*
 * settings: from the table of options that itrigger.new takes to a config of the core. Which
 * options there are, and what they may be, only core/config knows. On the Lua state's thread.
 */
#ifndef ITR_BIND_SETTINGS_H
#define ITR_BIND_SETTINGS_H

#include "bind/compat.h"
#include "core/base/status.h"
#include "core/config/config.h"

/* Set every option of the table at absolute index i in *config, which has an owner that outlives
 * a longjmp; reads app_secret_file if that is given; finishes the config. ITR_CONFIG naming the
 * option, ITR_NOMEM. Runs no Lua code. Blocks for the file. */
enum itr_status itr_settings_read(lua_State *L, int i, struct itr_config *config,
                                  struct itr_error *e);

/* Push the table of all options: { { name = , type = , secret = , min = , max = , choices = ,
 * default = }, ... }, the last four where there are any. */
void itr_settings_push_options(lua_State *L);

#endif
