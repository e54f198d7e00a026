# Copyright 2026 The asymgrpo_verl Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""What we use of verl, vLLM, Ray, Hydra and the TransferQueue.

NEEDS has a row per function, class or module that a running training touches; tests/data/upstream.tsv says why.
`capabilities` looks for them.
"""

from typing import NamedTuple


class Need(NamedTuple):
    """A function, class, module or constant that has to exist.

    Attributes:
        name: its dotted name.
        call: arguments of our call, which its signature has to accept: "_" is one by position, "mask=" one by name.
        override: its parameters by name and in order, if a method of ours overrides it. It may have no other.
        has: attributes of a class; for a function, names and texts in its code: attributes that it sets, keys that it
            reads, arguments with which it calls us.
    """

    name: str
    call: str = ""
    override: str = ""
    has: str = ""


ALGOS, V1, WORKERS = "verl.trainer.ppo.core_algos", "verl.trainer.ppo.v1", "verl.workers.engine_workers"
BASE, FSDP = f"{V1}.trainer_base.PPOTrainer", "verl.workers.engine.fsdp.transformer_impl"
SEPARATE = f"{V1}.trainer_separate_async.PPOTrainerSeparateAsync"
LOOP, LOOP_TQ = "verl.experimental.agent_loop.agent_loop", f"{V1}.agent_loop_tq"
ROLLOUT, CHECKPOINT_ENGINE = "verl.workers.rollout", "verl.checkpoint_engine.base"

METHOD, TRAINER, OTHERS, COLOCATE_ASYNC, SEPARATE_ASYNC, WORKER, KEEP_BEST, REWARD, CPU = (
    "the method (estimators, policy losses, settings)",
    "trainer.v1.trainer_mode=asymgrpo",
    "checks of verl's experimental trainers and of its DAPO reward manager",
    "trainer.v1.trainer_mode=asymgrpo_colocate_async",
    "trainer.v1.trainer_mode=asymgrpo_separate_async",
    "our worker (algorithm.zero_weight, entropy_coefficient, repo_r, diagnostics.gradient_share_every)",
    "trainer.checkpoint_callback_class=asymgrpo_verl.checkpoints.KeepBest",
    "reward.custom_reward_function.path=pkg://asymgrpo_verl.rewards",
    "VERL_PLATFORM=cpu",
)
NEEDS: dict[str, tuple[Need, ...]] = {
    METHOD: (
        Need("verl"),
        Need(f"{ALGOS}.register_adv_est", call="_"),
        Need(f"{ALGOS}.register_policy_loss", call="_"),
        Need(
            f"{ALGOS}.agg_loss",
            call="_ loss_mask= loss_agg_mode= dp_size= batch_num_tokens= global_batch_size= loss_scale_factor=",
        ),
        Need("verl.trainer.ppo.ray_trainer.compute_advantage", has="token_level_rewards response_mask index config"),
        Need(
            "verl.workers.utils.losses.ppo_loss",
            has="old_log_prob log_prob advantages response_mask loss_agg_mode config rollout_is_weights "
            "global_batch_info dp_size batch_num_tokens global_batch_size loss_scale_factor",
        ),
        Need(
            "verl.workers.config.actor.ActorConfig",
            has="clip_ratio clip_ratio_low clip_ratio_high global_batch_info get",
        ),
        Need("verl.utils.config.validate_config"),
        Need("verl.trainer.main_ppo.main", has="validate_config"),
        Need("verl.trainer.main_ppo.run_ppo"),
        Need("verl.trainer.main_ppo.TaskRunnerV1"),
        Need(f"{V1}.replay_buffer.ReplayBuffer._dapo_filtered_keys"),
        Need("verl.trainer.config.AlgoConfig", has="adv_estimator use_kl_in_reward"),
        Need("hydra.compose.compose", call="_ _"),
        Need("hydra.core.hydra_config.HydraConfig", has="get initialized"),
        Need("hydra.core.plugins.Plugins.register", call="_ _"),
        Need("hydra.plugins.search_path_plugin.SearchPathPlugin", has="manipulate_search_path"),
        Need("hydra.core.config_search_path.ConfigSearchPath.append", call="_ provider= path="),
    ),
    TRAINER: (
        Need(f"{V1}.utils.compute_advantage_for_multi_trajectories"),
        Need(f"{LOOP_TQ}.AgentLoopWorkerTQ._agent_loop_postprocess", has="min_global_steps"),
        Need(f"{V1}.trainer_base.register_trainer", call="_"),
        Need(f"{V1}.trainer_sync.PPOTrainerSync", has="fit on_init_end"),
        Need(f"{BASE}.__init__", override="self config"),
        Need(f"{BASE}._build_replay_buffer", override="self"),
        Need(f"{V1}.replay_buffer.ReplayBuffer._wait_for_next_poll", has="poll_interval"),
        Need(f"{V1}.replay_buffer.ReplayBuffer.sample", has="RuntimeError"),
        Need(f"{V1}.replay_buffer.ReplayBufferAsync.wait_for_sampleable", has="refill_fn"),
        Need(f"{V1}.utils.MetricsAggregator", has="add_step_metrics get_aggregated_metrics"),
        Need("verl.utils.skip.rollout_skip.RolloutTqSkip.__init__"),
        Need(f"{BASE}._init_dataloader", has="total_training_steps steps_per_epoch"),
        Need(f"{BASE}._setup", has="actor_rollout_wg role_worker_mapping"),
        Need(f"{BASE}._init_resource_pool_mgr", override="self", has="role_worker_mapping"),
        Need(f"{BASE}.fit", has="global_steps timing_raw"),
        Need(f"{BASE}.step", override="self metrics timing_raw", has="_step_once local_trigger_step tags"),
        Need(f"{BASE}._add_prompts_to_generate", override="self num_prompts"),
        Need(f"{BASE}._step_once", has="_compute_old_log_prob _compute_advantage _update_actor"),
        Need(f"{BASE}.on_init_end", override="self"),
        Need(f"{BASE}._save_checkpoint", override="self", has="global_steps default_local_dir"),
        Need(f"{BASE}._load_checkpoint", override="self", has="global_steps"),
        Need(f"{BASE}._compute_old_log_prob", has="old_log_probs entropy"),
        Need(f"{BASE}._compute_advantage", override="self batch metrics", has="advantages response_mask rm_scores"),
        Need(f"{BASE}._balance_batch", has="_dispatch_info seq_len"),
        Need(f"{BASE}._update_actor", override="self batch metrics"),
        Need(
            f"{BASE}._val_metrics_update",
            override="self data_sources sample_uids reward_extra_infos_dict sample_turns expected_acc_counts",
        ),
        Need(f"{BASE}.on_validate_end"),
        Need("verl.single_controller.ray.base.RayWorkerGroup._create_worker"),
        Need("verl.single_controller.ray.base.create_colocated_worker_cls", has="WorkerDict"),
        Need("verl.utils.seqlen_balancing.calculate_workload", call="_"),
        Need("verl.utils.seqlen_balancing.get_seqlen_balanced_partitions", call="_ _ equal_size="),
        Need("verl.utils.debug.marked_timer", call="_ _"),
        Need("verl.workers.utils.padding.response_to_nested", call="_ _"),
        Need("verl.workers.utils.padding.response_from_nested", call="_ _"),
        Need("transfer_queue.interface.kv_batch_get", call="keys= partition_id= select_fields="),
        Need("transfer_queue.interface.kv_batch_put", call="keys= partition_id= fields="),
        Need("transfer_queue.metadata.KVBatchMeta.select_keys", call="_ _"),
        Need("transfer_queue.interface.kv_list", call="partition_id="),
        Need("transfer_queue.interface.kv_clear", call="keys= partition_id="),
        Need("transfer_queue.interface.async_kv_put", call="key= partition_id= tag="),
        Need(f"{WORKERS}.ActorRolloutRefWorker.compute_log_prob", call="_ _"),
        Need(f"{LOOP}.AgentLoopWorker._compute_score", call="_ _ kwargs="),
    ),
    OTHERS: (
        Need("verl.experimental.fully_async_policy.fully_async_main.main", has="run_ppo"),
        Need("verl.experimental.one_step_off_policy.main_ppo.main", has="run_ppo"),
        Need("verl.experimental.reward_loop.reward_manager.dapo.DAPORewardManager.run_single", has="acc"),
    ),
    COLOCATE_ASYNC: (
        Need(f"{V1}.trainer_colocate_async.PPOTrainerColocateAsync", has="fit get_llm_client on_train_begin"),
    ),
    SEPARATE_ASYNC: (
        Need(SEPARATE, has="fit get_llm_client on_train_begin"),
        Need(f"{SEPARATE}.__init__", override="self config"),
        Need(f"{SEPARATE}._setup", override="self"),
        Need(f"{SEPARATE}._init_resource_pool_mgr", override="self", has="role_worker_mapping"),
        Need(f"{SEPARATE}._compute_old_log_prob", has="local_trigger_step save_model_to_cpu restore_model_from_cpu"),
        Need(f"{SEPARATE}._step_had_idle", has="poll_interval"),
    ),
    WORKER: (
        Need("ray.actor._modify_class", has="__ray_actor_class__"),
        Need("ray.actor.ActorClass._ray_from_modified_class", has="__ray_metadata__"),
        Need(f"{WORKERS}.ActorRolloutRefWorker.__init__"),
        Need(f"{WORKERS}.ActorRolloutRefWorker.init_model", has="actor set_loss_fn actor_worker_cls"),
        Need(f"{WORKERS}.ActorRolloutRefWorker.update_actor", has="train_mini_batch"),
        Need("verl.experimental.separation.engine_workers.DetachActorWorker", has="actor_worker_cls save_model_to_cpu"),
        Need("verl.workers.utils.padding.no_padding_2_padding", call="_ _"),
        Need(f"{WORKERS}.TrainingWorker.__init__", has="engine engine_config model_config"),
        Need(f"{WORKERS}.TrainingWorker.set_loss_fn", override="self loss_fn", has="loss_fn"),
        Need(f"{WORKERS}.TrainingWorker.train_mini_batch", has="train_batch"),
        Need(
            f"{WORKERS}.TrainingWorker.train_batch",
            override="self data",
            has="global_token_num use_remove_padding use_dynamic_bsz max_token_len_per_gpu micro_batch_size_per_gpu "
            "use_fused_kernels",
        ),
        Need("verl.workers.engine.base.BaseEngine.train_batch", has="optimizer_zero_grad forward_backward_batch"),
        Need(f"{FSDP}.FSDPEngine.optimizer_zero_grad", call="_"),
        Need(f"{FSDP}.FSDPEngine.forward_backward_batch", call="_ _ _", has="loss_mask batch_num_tokens"),
        Need(
            "verl.workers.config.engine.FSDPEngineConfig",
            has="use_dynamic_bsz max_token_len_per_gpu micro_batch_size_per_gpu ulysses_sequence_parallel_size",
        ),
        Need(f"{FSDP}.FSDPEngine.get_data_parallel_group", call="_"),
        Need(f"{FSDP}.FSDPEngine.get_data_parallel_rank", call="_"),
        Need(f"{FSDP}.FSDPEngine.get_data_parallel_size", call="_"),
        Need(f"{FSDP}.FSDPEngineWithLMHead.forward_step", has="data dp_group"),
        Need("verl.workers.engine.utils.prepare_micro_batches", has="rearrange_micro_batches micro_batch_size_per_gpu"),
        Need(
            "verl.utils.seqlen_balancing.rearrange_micro_batches",
            has="calculate_workload get_seqlen_balanced_partitions",
        ),
        Need("verl.utils.metric.utils.Metric", call="_ _", has="aggregate"),
        Need("verl.utils.metric.utils.AggregationType", has="MEAN"),
        Need("verl.utils.device.get_device_name"),
        Need("verl.utils.tensordict_utils.get", call="_ _ _"),
        Need("verl.utils.tensordict_utils.index_select_tensor_dict", call="_ _"),
        Need(f"{FSDP}.FSDPEngine.train_mode", call="_"),
        Need(f"{FSDP}.FSDPEngine.is_mp_src_rank_with_outputs", call="_"),
        Need("verl.single_controller.base.decorator.register", call="dispatch_mode="),
        Need("verl.single_controller.base.decorator.make_nd_compute_dataproto_dispatch_fn", call="mesh_name="),
        Need("verl.utils.tensordict_utils.assign_non_tensor", call="_ use_dynamic_bsz="),
        Need("verl.utils.tensordict_utils.get_tensordict", call="tensor_dict= non_tensor_dict="),
        Need("verl.utils.tensordict_utils.maybe_fix_3d_position_ids", call="_"),
    ),
    KEEP_BEST: (
        Need("verl.trainer.ppo.checkpoint_callback.CheckpointCallback", call="_", has="on_save"),
        Need("verl.trainer.ppo.checkpoint_callback.build_checkpoint_callback", has="checkpoint_callback_class"),
        Need("verl.utils.checkpoint.checkpoint_manager.BaseCheckpointManager.remove_previous_save_local_path"),
        Need("verl.utils.tracking.FileLogger", has="log"),
    ),
    REWARD: (
        Need("verl.trainer.ppo.reward.get_custom_reward_fn", has="reward_kwargs"),
        Need(
            "verl.experimental.reward_loop.reward_manager.naive.NaiveRewardManager.run_single",
            has="data_source solution_str ground_truth extra_info score",
        ),
    ),
    CPU: (
        Need("verl.plugin.platform.platform_base.PlatformBase", has="is_ipc_supported ray_resource_name"),
        Need("verl.plugin.platform.platform_manager.PlatformRegistry", has="register"),
        Need("verl.plugin.platform.platform_manager._detect_platform_name"),
        Need("verl.workers.engine.base.EngineRegistry", has="register"),
        Need(f"{FSDP}.FSDPEngineWithLMHead"),
        Need("verl.utils.distributed.initialize_global_process_group_ray", call="timeout_second= backend="),
        Need("verl.utils.fsdp_utils.fsdp2_sharded_save_to_cpu", call="_"),
        Need(f"{CHECKPOINT_ENGINE}.CheckpointEngine", has="prepare build_topology init_process_group finalize"),
        Need(f"{CHECKPOINT_ENGINE}.CheckpointEngineRegistry", has="register"),
        Need(f"{CHECKPOINT_ENGINE}.CheckpointEngineManager.build_process_group", has="prepare init_process_group"),
        Need(f"{CHECKPOINT_ENGINE}.CheckpointEngineManager.update_weights", has="build_process_group finalize"),
        Need(f"{CHECKPOINT_ENGINE}.CheckpointEngineWorker.update_weights", has="receive_weights"),
        Need(f"{WORKERS}.ActorRolloutRefWorker.update_weights", has="send_weights get_per_tensor_param"),
        Need(f"{ROLLOUT}.llm_server.FullyAsyncLLMServerClient"),
        Need(f"{ROLLOUT}.vllm_rollout.vllm_async_server.vLLMHttpServer.generate", has="_admitting SamplingParams"),
        Need(f"{ROLLOUT}.vllm_rollout.vllm_async_server.vLLMHttpServer.abort_all_requests", has="_admitting"),
        Need("vllm.v1.engine.output_processor.RequestState.make_request_output", has="stream_interval"),
        Need(f"{SEPARATE}.add_replicas_to_balancer", has="add_servers"),
        Need(f"{ROLLOUT}.vllm_rollout.bucketed_weight_transfer.BucketedWeightReceiver.receive_weights", call="_ _"),
        Need(f"{ROLLOUT}.vllm_rollout.bucketed_weight_transfer.BucketedWeightReceiver.__init__"),
        Need(f"{ROLLOUT}.vllm_rollout.bucketed_weight_transfer.BucketedWeightSender.__init__"),
        Need(f"{ROLLOUT}.vllm_rollout.bucketed_weight_transfer.create_shared_memory"),
        Need("verl.third_party.vllm"),
        Need(f"{ROLLOUT}.vllm_rollout"),
        Need("vllm.model_executor.layers.utils.dispatch_cpu_unquantized_gemm", override="layer remove_weight"),
        Need("vllm.platforms.cpu_platform_plugin"),
        Need("vllm.plugins.load_general_plugins"),
        Need(f"{LOOP}.AgentLoopWorker.__init__", call="_ _ _ _ _", has="tokenizer processor dataset_cls"),
        Need(
            f"{LOOP}.AgentLoopWorker._run_agent_loop",
            override="self sampling_params trajectory agent_name trace kwargs",
        ),
        Need("verl.experimental.agent_loop.single_turn_agent_loop.SingleTurnAgentLoop.__init__"),
        Need("verl.experimental.agent_loop.single_turn_agent_loop.SingleTurnAgentLoop.run", call="_ _"),
        Need(f"{ROLLOUT}.llm_server.LLMServerClient.__init__", has="_load_balancer"),
        Need(f"{ROLLOUT}.vllm_rollout.vllm_async_server.vLLMReplica.launch_servers"),
        Need("verl.trainer.main_ppo.TaskRunnerV1.init_agent_loop_manager", has="agent_loop_manager_class"),
        Need(f"{LOOP}.AgentLoopOutput", has="as_dict"),
        Need(f"{LOOP}.DictConfigWrap", call="_"),
        Need(f"{LOOP}.AgentLoopManager.__init__", has="config llm_client teacher_client"),
        Need(f"{LOOP}.AgentLoopManager._init_agent_loop_workers", override="self"),
        Need(f"{LOOP}.AgentLoopManager.generate_sequences", override="self prompts"),
        Need(f"{LOOP_TQ}.AgentLoopWorkerTQ.__init__"),
        Need(f"{LOOP_TQ}.AgentLoopWorkerTQ.generate_sequences", call="_ _"),
        Need(f"{LOOP_TQ}.AgentLoopWorkerTQ._run_prompt"),
        Need(f"{LOOP_TQ}.AgentLoopManagerTQ.generate_sequences", override="self prompts"),
        Need(f"{LOOP_TQ}.AgentLoopManagerTQ.create"),
        Need("verl.experimental.reward_loop.reward_loop.RewardLoopWorker", call="_"),
        Need(f"{ROLLOUT}.router.GlobalRequestLoadBalancer", call="_"),
        Need("transfer_queue.interface.async_kv_batch_put", call="keys= fields= tags= partition_id="),
    ),
}
