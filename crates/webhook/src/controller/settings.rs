//! What an operator decides about the controller.

use std::time::Duration;

use symbolon_admission::settings::Selector;

/// What is done about pods that should have been injected and were not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HealMode {
    /// Nothing; pods are not even watched.
    Off,
    /// They are counted, and an Event says so.
    #[default]
    Report,
    /// They are evicted too, so that their owner makes them again.
    Evict,
}

/// What an operator decides about the controller.
#[derive(Clone, Debug)]
pub struct ControllerSettings {
    /// The ConfigMap's name in every namespace; the policy has the same.
    pub config_map: String,
    /// Namespaces that are left alone.
    pub excluded_namespaces: Vec<String>,
    /// What makes a pod one to inject; the policy has the same.
    pub selector: Selector,
    /// Whether ConfigMaps are kept: not where the webhook alone injects.
    pub keeps_config_maps: bool,
    /// What is done about pods that were not injected.
    pub heal: HealMode,
    /// Attempts to evict in one minute, in the whole cluster.
    pub evictions_per_minute: u32,
    /// A pod younger than this is not healed: whoever made it may be at work.
    pub heal_after: Duration,
    /// The pause between evictions of pods of the same owner, and what longer ones are made of.
    pub owner_pause: Duration,
    /// Between two searches for labels in the wrong place; none without it.
    pub advice_interval: Option<Duration>,
    /// This replica's name, in Events and in the lease.
    pub identity: String,
}

impl ControllerSettings {
    /// What is usual, for a replica of that name.
    pub fn new(identity: impl Into<String>) -> Self {
        Self {
            config_map: "symbolon-workload-identity".to_owned(),
            excluded_namespaces: vec!["kube-system".to_owned()],
            selector: Selector::default(),
            keeps_config_maps: true,
            heal: HealMode::default(),
            evictions_per_minute: 6,
            heal_after: Duration::from_mins(1),
            owner_pause: Duration::from_mins(1),
            advice_interval: Some(Duration::from_mins(10)),
            identity: identity.into(),
        }
    }

    /// Between two searches for labels in the wrong place, if there is a wrong place.
    ///
    /// Where the account's label decides, it may stand on accounts, and on pods it opts out.
    pub(super) fn search_interval(&self) -> Option<Duration> {
        self.advice_interval.filter(|_| self.selector == Selector::PodLabel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_is_misplaced_where_the_account_s_decides() {
        let mut settings = ControllerSettings::new("a");
        assert!(settings.search_interval().is_some());
        settings.selector = Selector::ServiceAccountLabel;
        assert_eq!(settings.search_interval(), None);
    }
}
