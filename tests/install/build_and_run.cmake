# cmake -DSOURCE=FOLDER -DBUILD=FOLDER -DGENERATOR=NAME "-DOPTIONS=-D...;-D..." -P build_and_run.cmake: configures a
# consumer, builds it and runs it. Each in a process of its own: configuring leaves LC_ALL set and empty behind
# (CMakeDetermineCompilerABI), and a compiler cache takes another environment for another compilation.
foreach(step IN ITEMS "-S;${SOURCE};-B;${BUILD};-G;${GENERATOR};${OPTIONS}" "--build;${BUILD};--target;consumer")
  execute_process(COMMAND ${CMAKE_COMMAND} ${step} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
execute_process(COMMAND ${BUILD}/consumer COMMAND_ERROR_IS_FATAL ANY)
